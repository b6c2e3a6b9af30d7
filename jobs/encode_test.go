package jobs

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// wireEnvelope is the JSON form of an [Envelope] as encoding/json writes it, which says
// what the bytes are.
type wireEnvelope struct {
	Schema    int          `json:"schema"`
	ID        string       `json:"id,omitzero"`
	Kind      Kind         `json:"kind"`
	Model     string       `json:"model,omitzero"`
	User      string       `json:"user,omitzero"`
	Time      time.Time    `json:"time,omitzero"`
	Lane      Lane         `json:"lane,omitzero"`
	Parent    uuid.UUID    `json:"parent,omitzero"`
	Rules     string       `json:"rules,omitzero"`
	NotBefore time.Time    `json:"not_before,omitzero"`
	Unique    string       `json:"unique,omitzero"`
	Expires   time.Time    `json:"expires,omitzero"`
	Timeout   int64        `json:"timeout,omitzero"`
	Attempts  int          `json:"attempts,omitzero"`
	Content   *wireContent `json:"content,omitzero"`
	Args      any          `json:"args,omitzero"`
}

type wireSave struct {
	Operations []wireOperation `json:"operations"`
	OnError    string          `json:"on_error,omitzero"`
	Order      manager.Order   `json:"order,omitzero"`
}

type wireOperation struct {
	Op          manager.Op       `json:"op"`
	ResourceID  string           `json:"resource_id,omitzero"`
	Data        json.RawMessage  `json:"data,omitzero"`
	DataBase64  []byte           `json:"data_base64,omitzero"`
	Patch       json.RawMessage  `json:"patch,omitzero"`
	DataSize    opt.Value[int64] `json:"data_size,omitzero"`
	PayloadSize opt.Value[int64] `json:"payload_size,omitzero"`
	PatchSize   opt.Value[int64] `json:"patch_size,omitzero"`
	Status      string           `json:"status,omitzero"`
	RevisionID  string           `json:"revision_id,omitzero"`
	Expected    string           `json:"expected_revision_id,omitzero"`
	User        string           `json:"user,omitzero"`
	Time        time.Time        `json:"time,omitzero"`
	Order       manager.Order    `json:"order,omitzero"`
}

// wire returns e as encoding/json is to write it, and what stands behind the head.
func wire(e Envelope) (w wireEnvelope, behind []byte) {
	w = wireEnvelope{
		Schema: e.schema(), ID: e.ID, Kind: e.Kind(), Model: e.Model, User: e.User, Time: e.Time, Lane: e.Lane, Parent: e.Parent,
		NotBefore: e.NotBefore, Unique: e.Unique, Expires: e.Expires, Timeout: e.Options.seconds(), Attempts: e.Attempts,
	}
	if e.RulesOff {
		w.Rules = rulesOff
	}
	switch a := e.Args.(type) {
	case Content:
		w.Content = new(a.wire())
	case Load:
		w.Args = wireLoad(a)
	case Backfill:
		w.Args = wireBackfill{Kind: a.What, Models: a.Models, wireGoing: wireGoing(a.Going)}
	case Dump:
		w.Args = wireDump(a)
	case Verify:
		w.Args = wireVerify(a)
	case Migrate:
		w.Args = wireMigrate{Models: a.Models, History: a.History, wireGoing: wireGoing(a.Going)}
	case Save:
		s := wireSave{Operations: []wireOperation{}, OnError: a.OnError, Order: a.Order}
		for _, o := range a.Operations {
			op, payloads := wireOf(o, e.Form)
			s.Operations, behind = append(s.Operations, op), append(behind, payloads...)
		}
		if w.Args = s; len(s.Operations) == 1 && a.OnError == "" && a.Order == (manager.Order{}) {
			w.Args = s.Operations[0]
		}
	}
	return w, behind
}

func wireOf(o manager.Operation, f Form) (op wireOperation, behind []byte) {
	op = wireOperation{
		Op: o.Op, ResourceID: string(o.ResourceID), Status: string(o.Status.Or("")), RevisionID: string(o.RevisionID),
		Expected: string(o.ExpectedRevisionID), User: o.User, Time: o.Time, Order: o.Order,
	}
	if f != FormBinary {
		op.Data, op.DataBase64, op.Patch = o.Data, o.Payload, o.Patch
		return op, nil
	}
	size := func(p []byte) (v opt.Value[int64]) {
		if p != nil {
			v = opt.Of(int64(len(p)))
		}
		return v
	}
	op.DataSize, op.PayloadSize, op.PatchSize = size(o.Data), size(o.Payload), size(o.Patch)
	return op, append(append(append(behind, o.Data...), o.Payload...), o.Patch...)
}

// checkMessage holds what is written of e against what encoding/json writes, and whether
// it is sound against whether it is decoded.
func checkMessage(t *testing.T, e Envelope, edge bool) {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	w, behind := wire(e)
	wantErr := enc.Encode(w)
	head := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	want := head
	if e.Form == FormBinary {
		want = append([]byte{0xC1, 'S', 'J', 1, 0, byte(len(head) >> 16), byte(len(head) >> 8), byte(len(head))}, append(head, behind...)...)
	}
	got, err := e.message(nil)
	if errorText(err) != errorText(wantErr) {
		t.Fatalf("%+v fails with\n%v\nwant\n%v", e, err, wantErr)
	}
	if err != nil {
		return
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("written is\n%q\nwant\n%q", got, want)
	}
	back, err := Decode(got)
	_, isSave := e.Args.(Save)
	switch sound := e.sound(); {
	case len(got) > MaxMessageBytes:
	case sound && err != nil, isSave && !sound && err == nil && !edge:
		t.Fatalf("%q is sound: %v, but decoded: %v", got, e.sound(), err)
	}
	if err != nil {
		return
	}
	again, err := back.message(nil)
	if once := stored(e); err != nil || !bytes.Equal(again, once) {
		t.Fatalf("written is\n%q\nread back as\n%q, %v", once, again, err)
	}
}

// stored returns the message of e as it is read back: with the times that are kept, and
// what is meant where nothing is said.
func stored(e Envelope) []byte {
	e.Time, e.NotBefore, e.Expires = keptTime(e.Time), keptTime(e.NotBefore), keptTime(e.Expires)
	if e.Lane == "" {
		e.Lane = LaneNormal
	}
	e.Timeout = time.Duration(e.Options.seconds()) * time.Second
	switch a := e.Args.(type) {
	case Backfill:
		if a.What == "" {
			a.What = RevisionMeta
		}
		e.Args = a
	case Save:
		ops := slices.Clone(a.Operations)
		for i := range ops {
			ops[i].Time = keptTime(ops[i].Time)
		}
		a.Operations = ops
		e.Args = a
	}
	b, _ := e.message(nil)
	return b
}

func keptTime(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return storedTime(t)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// picker makes envelopes of the choices that a fuzzer or a generator makes.
type picker struct {
	choices []byte
	edge    bool // a time was chosen of which it is not said at once whether it is sound
}

func (p *picker) pick(n int) int {
	if len(p.choices) == 0 {
		return 0
	}
	c := p.choices[0]
	p.choices = p.choices[1:]
	return int(c) % n
}

func pickOf[T any](p *picker, of ...T) T { return of[p.pick(len(of))] }

func (p *picker) text() string {
	return pickOf(p, "", "a", "import-20", "with \"quotes\" and \\", "é中😀", "<&>", "\u2028 and \u2029", "‘quoted’", "\x7f", "tab\t\n\r\b\f\x01",
		"\x00", "\xff", "\ufffd", "half \xed\xa0\x80", strings.Repeat("x", 255), strings.Repeat("é", 128), strings.Repeat("long ", 60))
}

func (p *picker) time() time.Time {
	if p.pick(32) == 31 {
		p.edge = true
		return pickOf(p, time.Date(9999, 12, 31, 23, 30, 0, 0, time.FixedZone("", -3600)), time.Date(1, 1, 1, 0, 30, 0, 0, time.FixedZone("", 3600)), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	zone := pickOf(p, time.UTC, time.FixedZone("", 8*3600), time.FixedZone("", -3600-37*60), time.FixedZone("", 25*3600))
	return pickOf(p, time.Time{}, time.Date(2026, 3, 1, 8, 0, 0, 0, zone), time.Date(2026, 3, 1, 8, 0, 0, 123456789, zone),
		time.Date(9998, 6, 30, 23, 0, 0, 0, zone), time.Date(12000, 1, 1, 0, 0, 0, 0, zone), time.Date(-1, 1, 1, 0, 0, 0, 0, zone), time.Date(2, 2, 1, 0, 0, 0, 0, zone))
}

func (p *picker) bytes() []byte {
	return pickOf(p, nil, []byte(`{"a":1}`), []byte(" { \"a\" : [ 1.50, \"\u2028<\" ] } "), []byte(""), []byte("null"), []byte(`"x`), []byte("\x81\xa1a\x01"), []byte("[\"\xff\"]"))
}

func (p *picker) order() manager.Order {
	return pickOf(p, manager.Order{}, manager.Unordered, manager.Numbered(0), manager.Numbered(-1<<63))
}

func (p *picker) operation() manager.Operation {
	o := manager.Operation{Op: pickOf(p, manager.OpCreate, manager.OpUpsert, manager.OpModify, "", "Bad", "other_one", "ümlaut")}
	o.ResourceID = resource.ID(p.text())
	switch p.pick(4) {
	case 0:
		o.Data = p.bytes()
	case 1:
		o.Payload = p.bytes()
	case 2:
		o.Patch = p.bytes()
	case 3:
		o.Data, o.Payload = p.bytes(), p.bytes()
	}
	o.Status = pickOf(p, opt.Value[resource.Status]{}, opt.Of(resource.Draft), opt.Of(resource.Status("")), opt.Of(resource.Status("bad")))
	if p.pick(4) == 3 {
		o.RevisionID, o.ExpectedRevisionID, o.User = resource.RevisionID(p.text()), resource.RevisionID(p.text()), p.text()
	}
	o.Time, o.Order = p.time(), p.order()
	return o
}

func (p *picker) envelope() Envelope {
	e := Envelope{ID: p.text(), Model: pickOf(p, "m", p.text()), User: p.text(), Time: p.time(), Form: pickOf(p, "", FormBinary)}
	e.Lane = pickOf(p, "", LaneHigh, LaneNormal, LaneBulk, "other")
	e.RulesOff = p.pick(2) == 1
	if p.pick(4) == 3 {
		e.Parent = uuid.UUID{1, 2, 3}
		e.Options = Options{NotBefore: p.time(), Expires: p.time(), Unique: p.text(), Attempts: pickOf(p, 0, 1, MaxJobAttempts, MaxJobAttempts+1, -1)}
		e.Timeout = pickOf(p, 0, time.Millisecond, time.Hour, MaxJobTimeout+1, -time.Millisecond, -time.Minute)
	}
	switch p.pick(10) {
	case 4:
		e.Args = Load{Source: pickOf(p, "upload:x", p.text()), Size: pickOf(p, opt.Value[int64]{}, opt.Of(int64(7))), Modified: p.time(), ETag: p.text(), Models: []string{p.text()}}
	case 5:
		e.Args = Backfill{What: pickOf(p, "", IndexedData, "other"), Models: pickOf(p, nil, []string{p.text()}), Going: p.going()}
	case 6:
		e.Args = Migrate{Models: pickOf(p, nil, []string{p.text()}), History: true, Going: p.going()}
	case 8:
		e.Args = Dump{Target: pickOf(p, "", TargetDownload, "file:/x", "s3://b/k", p.text()), Models: pickOf(p, nil, []string{p.text()}), Query: pickOf(p, nil, json.RawMessage(`{}`), json.RawMessage(`{"limit":-1}`))}
	case 9:
		e.Args = Verify{Models: pickOf(p, nil, []string{p.text()})}
	case 7:
		e.Args = Content{Of: KindSave, Blob: strings.Repeat("0a", 16), SHA256: [32]byte{1}, Size: 7}
	default:
		s := Save{OnError: pickOf(p, "", "", OnErrorFail, OnErrorRefuse, "other"), Order: pickOf(p, manager.Order{}, p.order())}
		for range pickOf(p, 1, 2, 0) {
			s.Operations = append(s.Operations, p.operation())
		}
		e.Args = s
	}
	return e
}

func (p *picker) going() Going {
	return Going{Rate: pickOf(p, 0, 1, MaxRate, MaxRate+1, -1), DryRun: p.pick(2) == 1}
}

// TestMessagesAreThoseOfTheStandardLibrary writes many envelopes, good and bad.
func TestMessagesAreThoseOfTheStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sound := 0
	for range 20_000 {
		p := picker{choices: make([]byte, 80)}
		for i := range p.choices {
			if r.IntN(4) == 0 { // 0 chooses what is most usual
				p.choices[i] = byte(r.Uint32())
			}
		}
		e := p.envelope()
		if e.sound() {
			sound++
		}
		checkMessage(t, e, p.edge)
	}
	if sound < 3000 {
		t.Errorf("only %d of the envelopes were sound", sound)
	}
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte{}, "a", []byte(`{"a":1}`))
	f.Add([]byte{2, 0, 1, 1, 1, 2, 1, 7, 4}, "é\u2028", []byte(` [1, "x"]`))
	f.Add([]byte{0, 0}, "m", []byte(" { \"a b\" : [ 1 , \"\\\\\\\" \" , { } ] }\n"))
	f.Add([]byte{0, 0}, "m", []byte("[ 1 ] 2"))
	f.Fuzz(func(t *testing.T, choices []byte, text string, data []byte) {
		p := picker{choices: choices}
		e := p.envelope()
		checkMessage(t, e, p.edge)
		e.ID, e.Model, e.User = text, text, text
		if s, is := e.Args.(Save); is && len(s.Operations) > 0 {
			o := &s.Operations[0]
			o.Op, o.ResourceID, o.Data = manager.Op(text), resource.ID(text), data
		}
		checkMessage(t, e, p.edge)
	})
}
