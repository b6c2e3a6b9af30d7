package consumer_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nats.go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// asyncAPI is the document as far as the code can be held against it.
type asyncAPI struct {
	AsyncAPI string
	Channels map[string]struct {
		Address    string
		Parameters map[string]struct{ Enum []string }
	}
	Components struct {
		Messages map[string]struct {
			ContentType string
			Examples    []struct {
				Name    string
				Headers map[string]any
				Payload json.RawMessage
			}
		}
	}

	text []byte // in JSON
}

func readAsyncAPI(t *testing.T) (doc asyncAPI) {
	t.Helper()
	var err error
	if doc.text, err = yaml.YAMLToJSON([]byte(consumer.AsyncAPI())); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(doc.text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// schema compiles a part of the document.
func (d asyncAPI) schema(t *testing.T, part string) *jsonschema.Schema {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("asyncapi.json", v); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("asyncapi.json#/" + part)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// subject fills parameters into the address of a channel.
func (d asyncAPI) subject(channel string, values map[string]string) string {
	address := d.Channels[channel].Address
	for name, v := range values {
		address = strings.ReplaceAll(address, "{"+name+"}", v)
	}
	return address
}

func TestAsyncAPINamesTheSubjects(t *testing.T) {
	doc := readAsyncAPI(t)
	if doc.AsyncAPI != "3.0.0" || len(doc.Channels) != 3 {
		t.Fatalf("version %q, %d channels", doc.AsyncAPI, len(doc.Channels))
	}
	p := doc.Channels["jobs"].Parameters
	var lanes, kinds []string
	for _, l := range jobs.Lanes() {
		lanes = append(lanes, string(l))
		for _, k := range jobs.Kinds() {
			got := doc.subject("jobs", map[string]string{"namespace": "ns", "lane": string(l), "kind": string(k)})
			if want := jobs.Subject("ns", l, k); got != want {
				t.Errorf("subject %s, the code has %s", got, want)
			}
		}
	}
	for _, k := range jobs.Kinds() {
		kinds = append(kinds, string(k))
	}
	if !slices.Equal(p["lane"].Enum, lanes) || !slices.Equal(p["kind"].Enum, kinds) {
		t.Errorf("lanes %v and kinds %v; the code has %v and %v", p["lane"].Enum, p["kind"].Enum, lanes, kinds)
	}
	m := doc.Components.Messages
	if m["json"].ContentType != string(jobs.FormJSON) || m["binary"].ContentType != string(jobs.FormBinary) {
		t.Errorf("content types %q and %q", m["json"].ContentType, m["binary"].ContentType)
	}
}

// TestAsyncAPIRefersToWhatIsThere follows every reference.
func TestAsyncAPIRefersToWhatIsThere(t *testing.T) {
	doc := readAsyncAPI(t)
	var tree any
	if err := json.Unmarshal(doc.text, &tree); err != nil {
		t.Fatal(err)
	}
	refs := regexp.MustCompile(`"\$ref": ?"([^"]+)"`).FindAllSubmatch(doc.text, -1)
	if len(refs) < 10 {
		t.Fatalf("%d references", len(refs))
	}
	for _, m := range refs {
		ref := string(m[1])
		path, inside := strings.CutPrefix(ref, "#/")
		if !inside {
			b, err := os.ReadFile(ref)
			if err != nil || !json.Valid(b) {
				t.Errorf("%s: %v", ref, err)
			}
			continue
		}
		at := tree
		for _, name := range strings.Split(path, "/") {
			object, _ := at.(map[string]any)
			at = object[name]
		}
		if at == nil {
			t.Errorf("%s is not there", ref)
		}
	}
}

// TestAsyncAPIExamplesAreJobs decodes each example and holds it against the schemas.
func TestAsyncAPIExamplesAreJobs(t *testing.T) {
	doc := readAsyncAPI(t)
	headers := doc.schema(t, "components/schemas/headers")
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(jobs.EnvelopeSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("envelope.json", v); err != nil {
		t.Fatal(err)
	}
	envelope, err := c.Compile("envelope.json")
	if err != nil {
		t.Fatal(err)
	}
	examples := doc.Components.Messages["json"].Examples
	if len(examples) < 3 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, x := range examples {
		contentType, _ := x.Headers["Content-Type"].(string)
		if _, err := jobs.DecodeAs(contentType, x.Payload); err != nil {
			t.Errorf("%s: %v", x.Name, err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(x.Payload))
		if err != nil {
			t.Fatal(err)
		}
		if err := envelope.Validate(v); err != nil {
			t.Errorf("%s: %v", x.Name, err)
		}
		if err := headers.Validate(x.Headers); err != nil {
			t.Errorf("%s: %v", x.Name, err)
		}
	}
}

// TestAsyncAPIExamplesAreEvents holds each example against the schema and the subjects.
func TestAsyncAPIExamplesAreEvents(t *testing.T) {
	doc := readAsyncAPI(t)
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(jobs.EventSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("event.json", v); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	m := doc.Components.Messages["event"]
	if m.ContentType != jobs.EventContentType || len(m.Examples) == 0 {
		t.Fatalf("content type %s, %d examples", m.ContentType, len(m.Examples))
	}
	for _, x := range m.Examples {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(x.Payload))
		if err != nil {
			t.Fatal(err)
		}
		var e jobs.Event
		if err := cmp.Or(schema.Validate(v), json.Unmarshal(x.Payload, &e)); err != nil {
			t.Errorf("%s: %v", x.Name, err)
		}
		kind, what, _ := strings.Cut(string(e.Type), ".")
		want := doc.subject("events", map[string]string{"namespace": "ns", "kind": kind, "what": what})
		if got := e.Type.Subject("ns"); got != want {
			t.Errorf("%s: the code publishes on %s, not %s", x.Name, got, want)
		}
	}
}

// TestMessagesHaveTheHeadersOfAsyncAPI looks at what the code publishes: single messages,
// a batch, both forms, one again, and a dead letter.
func TestMessagesHaveTheHeadersOfAsyncAPI(t *testing.T) {
	doc := readAsyncAPI(t)
	headers := doc.schema(t, "components/schemas/headers")
	w := newWorld(t, stores["memory"](t))
	var many []jobs.Envelope
	for i := range 70 {
		e := w.create(fmt.Sprint("p", i))
		if i%2 == 0 {
			e.Form = jobs.FormBinary
		}
		many = append(many, e)
	}
	w.send(many...)
	w.send(w.create("single"))
	load := jobs.NewLoad("tester", jobs.Load{Source: "upload:x"})
	w.queued(load, time.Now())
	if n, err := (&jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender}).Pass(t.Context()); err != nil || n != 1 {
		t.Fatalf("Pass = %d, %v", n, err)
	}
	again := jobs.Message{
		Subject: jobs.Subject("test", jobs.LaneNormal, jobs.KindSave), ID: "single:again", Job: "single", Body: []byte("{}"),
		Submitted: time.Now(), Origin: storage.Origin{Queue: w.sender.Queue(), Epoch: 7, Sequence: 71},
	}
	if acks := w.sender.Publish(t.Context(), []jobs.Message{again}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	s, err := w.js(w.nc).Stream(t.Context(), w.queue.StreamName())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for seq := uint64(1); seq <= 73; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		for name := range m.Header {
			seen[name]++
		}
		if err := headers.Validate(plain(m.Header)); err != nil {
			t.Errorf("message %d: %v", seq, err)
		}
	}
	for name, least := range map[string]int{"Nats-Msg-Id": 73, "Content-Type": 35, "Specstar-Job": 2, "Specstar-Submitted": 1, "Specstar-Origin": 1} {
		if seen[name] < least {
			t.Errorf("header %s was seen %d times", name, seen[name])
		}
	}

	bad := nats.NewMsg(jobs.Subject("test", jobs.LaneNormal, jobs.KindSave))
	bad.Header.Set("Nats-Msg-Id", "no job")
	bad.Data = []byte("{")
	if _, err := w.js(w.nc).PublishMsg(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	w.start()
	row := w.wait(storage.JobDead, jobs.Receipt{ID: jobs.ID(w.factory.ID(), "no job"), Text: "no job"})[0]
	w.until("the letter is there", func() error {
		for _, l := range w.letters() {
			parts := strings.Split(l.Subject, ".")
			if len(parts) == 6 && l.Subject == doc.subject("letters", map[string]string{
				"namespace": "test", "kind": parts[3], "job": row.ID.String(), "life": parts[5],
			}) {
				return nil
			}
		}
		return fmt.Errorf("%d letters, none on the subject of the document", len(w.letters()))
	})
}

// plain is a header as a schema sees it.
func plain(h nats.Header) map[string]any {
	m := map[string]any{}
	for name := range h {
		m[name] = h.Get(name)
	}
	return m
}
