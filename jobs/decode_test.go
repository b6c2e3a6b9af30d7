package jobs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// schema compiles the published JSON Schema.
func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(jobs.EnvelopeSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("envelope.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("envelope.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate holds a message against the schema.
func validate(s *jsonschema.Schema, message []byte) error {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(message)))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// TestExamples holds every example against the decoder and the schema, which
// must agree.
func TestExamples(t *testing.T) {
	s := schema(t)
	for _, dir := range []string{"valid", "invalid"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no examples in %s: %v", dir, err)
		}
		for _, file := range files {
			t.Run(dir+"/"+filepath.Base(file), func(t *testing.T) {
				message, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				_, decodeErr := jobs.Decode(message)
				schemaErr := validate(s, message)
				if want := dir == "valid"; (decodeErr == nil) != want || (schemaErr == nil) != want {
					t.Fatalf("Decode: %v\nschema: %v", decodeErr, schemaErr)
				}
			})
		}
	}
}

func TestDecodeNamesFieldAndPlace(t *testing.T) {
	save := func(args string) string {
		return `{"schema":1,"kind":"save","model":"m","args":` + args + `}`
	}
	for name, tc := range map[string]struct{ message, field, text string }{
		"empty":                 {``, "", "ends too early"},
		"cut":                   {`{"schema":1,"ki`, "", "ends too early"},
		"not an object":         {`[1]`, "", "object is expected"},
		"more behind":           {save(`{"op":"create"}`) + `{}`, "", "more follows"},
		"newer schema":          {`{"schema":3,"kind":"save","args":{}}`, "schema", "must be 1 or 2, is 3"},
		"no kind":               {`{"schema":1,"args":{}}`, "kind", "is missing"},
		"unknown kind":          {`{"schema":1,"kind":"dance","args":{}}`, "kind", `"dance" is not known`},
		"unknown field":         {`{"schema":1,"kinds":"save"}`, "kinds", "not a field"},
		"other case":            {`{"Schema":1}`, "Schema", "not a field"},
		"repeated":              {`{"schema":1,"schema":1}`, "schema", "repeated"},
		"wrong type":            {`{"schema":"1"}`, "schema", "int is expected, not string"},
		"null":                  {`{"schema":1,"user":null}`, "user", "must not be null"},
		"NUL":                   {`{"schema":1,"user":"a\u0000"}`, "user", "NUL"},
		"half a surrogate":      {`{"schema":1,"user":"\ud800"}`, "user", "not valid text"},
		"unknown lane":          {`{"schema":1,"kind":"save","lane":"fast","model":"m","args":{}}`, "lane", "not known"},
		"no model":              {`{"schema":1,"kind":"save","args":{"op":"create"}}`, "model", "is missing"},
		"model of a load":       {`{"schema":1,"kind":"load","model":"m","args":{"source":"file:x"}}`, "model", "belongs to saves"},
		"no args":               {`{"schema":1,"kind":"save","model":"m"}`, "args", "is missing"},
		"args of no use":        {save(`7`), "args", "object is expected"},
		"bad parent":            {`{"schema":1,"parent":"x"}`, "parent", "not a UUID"},
		"bad time":              {`{"schema":1,"time":"yesterday"}`, "time", "not a time"},
		"no op":                 {save(`{"resource_id":"a"}`), "args.op", "is missing"},
		"no id":                 {save(`{"op":"update"}`), "args.resource_id", "is missing"},
		"both payloads":         {save(`{"op":"create","data":{},"data_base64":"AA=="}`), "args.data_base64", "exclude"},
		"bad base64":            {save(`{"op":"create","data_base64":"?"}`), "args.data_base64", "illegal base64"},
		"bad status":            {save(`{"op":"create","status":"done"}`), "args.status", "not known"},
		"nothing to do":         {save(`{"operations":[]}`), "args.operations", "is empty"},
		"bad on_error":          {save(`{"operations":[{"op":"create"}],"on_error":"stop"}`), "args.on_error", "not one of"},
		"on_error of one":       {save(`{"op":"create","on_error":"fail"}`), "args.on_error", "belongs to a list"},
		"both forms":            {save(`{"op":"create","operations":[{"op":"create"}]}`), "args", "use one of them"},
		"in a list":             {save(`{"operations":[{"op":"create"},{"op":"delete"}]}`), "args.operations[1].resource_id", "is missing"},
		"no source":             {`{"schema":1,"kind":"load","args":{}}`, "args.source", "is missing"},
		"odd source":            {`{"schema":1,"kind":"load","args":{"source":"http://x"}}`, "args.source", "is none of upload:NAME"},
		"odd duplicate":         {`{"schema":1,"kind":"load","args":{"source":"file:x","on_duplicate":"merge"}}`, "args.on_duplicate", "not one of"},
		"odd backfill":          {`{"schema":1,"kind":"backfill","args":{"kind":"x"}}`, "args.kind", "not one of"},
		"a chunk of nothing":    {`{"schema":1,"kind":"chunk","args":{"plan":"0102030405060708090a0b0c0d0e0f10","no":1}}`, "args.job", "is missing"},
		"a chunk of no plan":    {`{"schema":1,"kind":"chunk","args":{"job":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","no":1}}`, "args.plan", "is missing"},
		"a chunk without no":    {`{"schema":1,"kind":"chunk","args":{"job":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","plan":"0102030405060708090a0b0c0d0e0f10"}}`, "args.no", "is missing"},
		"a short plan":          {`{"schema":1,"kind":"chunk","args":{"job":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","plan":"01","no":1}}`, "args.plan", "32 hexadecimal"},
		"a loud plan":           {`{"schema":1,"kind":"chunk","args":{"job":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","plan":"0102030405060708090A0b0c0d0e0f10","no":1}}`, "args.plan", "32 hexadecimal"},
		"a chunk below all":     {`{"schema":1,"kind":"chunk","args":{"job":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","plan":"0102030405060708090a0b0c0d0e0f10","no":-1}}`, "args.no", "not between"},
		"nothing to migrate":    {`{"schema":1,"kind":"migrate","args":{"history":true}}`, "args.models", "names no model"},
		"no models":             {`{"schema":1,"kind":"migrate","args":{"models":[]}}`, "args.models", "names no model"},
		"odd history":           {`{"schema":1,"kind":"migrate","args":{"models":["m"],"history":1}}`, "args.history", "bool is expected"},
		"a migration of a kind": {`{"schema":1,"kind":"migrate","args":{"models":["m"],"kind":"x"}}`, "args.kind", "not a field"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jobs.Decode([]byte(tc.message))
			wrong, ok := errors.AsType[*jobs.EnvelopeError](err)
			if !ok {
				t.Fatalf("Decode = %v", err)
			}
			if wrong.Field != tc.field || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("Decode = %q at field %q, want %q at %q", err, wrong.Field, tc.text, tc.field)
			}
			if wrong.Offset < 0 || wrong.Offset > int64(len(tc.message)) {
				t.Fatalf("offset %d of %d bytes", wrong.Offset, len(tc.message))
			}
		})
	}
}

// TestErrorsShowNoPayload: errors go to logs, ledger rows and dead letters.
func TestErrorsShowNoPayload(t *testing.T) {
	long := strings.Repeat("secret ", 100)
	for name, message := range map[string]string{
		"args that are data": `{"schema":1,"kind":"save","model":"m","args":"secret"}`,
		"data in a list":     `{"schema":1,"kind":"save","model":"m","args":{"operations":["secret"]}}`,
		"cut data":           `{"schema":1,"kind":"save","model":"m","args":{"op":"create","data":{"a":"secret"`,
		"no base64":          `{"schema":1,"kind":"save","model":"m","args":{"op":"create","data_base64":"secret?"}}`,
	} {
		if _, err := jobs.Decode([]byte(message)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, message := range []string{
		`{"schema":1,"` + long + `":1}`, `{"schema":1,"kind":"` + long + `","args":{}}`, `{"schema":1,"parent":"` + long + `"}`,
		`{"schema":1,"time":"` + long + `"}`, `{"schema":1,"kind":"load","args":{"source":"` + long + `"}}`,
		`{"schema":1,"kind":"load","args":{"source":"file:x","modified":"` + long + `"}}`,
		`{"schema":1,"kind":"save","model":"m","args":{"op":"` + long + `"}}`,
	} {
		if _, err := jobs.Decode([]byte(message)); err == nil || len(err.Error()) > 400 {
			t.Errorf("%.80s: %v", message, err)
		}
	}
}

func TestDecodePlaceOfAnOperation(t *testing.T) {
	message := `{"schema":1,"kind":"save","model":"m","args":{"operations":[{"op":"create"},{"op":"delete","bogus":1}]}}`
	_, err := jobs.Decode([]byte(message))
	wrong, ok := errors.AsType[*jobs.EnvelopeError](err)
	if !ok || wrong.Field != "args.operations[1].bogus" || wrong.Offset != int64(strings.Index(message, `"bogus"`)+len(`"bogus"`)) {
		t.Fatalf("Decode = %v", err)
	}
}

func TestLimits(t *testing.T) {
	ops := strings.Repeat(`{"op":"create"},`, jobs.MaxOperations)
	many := `{"schema":1,"kind":"save","model":"m","args":{"operations":[` + ops + `{"op":"create"}]}}`
	if _, err := jobs.Decode([]byte(many)); err == nil || !strings.Contains(err.Error(), "more than 10000") {
		t.Fatalf("too many operations: %v", err)
	}
	if _, err := jobs.Decode(make([]byte, jobs.MaxMessageBytes+1)); err == nil {
		t.Fatal("too many bytes were taken")
	}
	if _, err := jobs.Decode(fmt.Appendf(nil, `{"schema":1,"kind":"backfill","id":%q,"args":{}}`, strings.Repeat("x", 256))); err == nil {
		t.Fatal("a long id was taken")
	}
}

func TestEnvelopesSurviveTheWire(t *testing.T) {
	s := schema(t)
	at := time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)
	for name, e := range map[string]jobs.Envelope{
		"one operation": {ID: "a", Model: "m", User: "u", Time: at, Lane: jobs.LaneHigh, Args: jobs.Save{Operations: []manager.Operation{{
			Op: manager.OpUpsert, ResourceID: "m:1", Data: []byte(`{"a":"<&>"}`), Status: opt.Of(resource.Draft), ExpectedRevisionID: "m:1:3",
		}}}},
		"operations": {Model: "m", Lane: jobs.LaneNormal, Args: jobs.Save{Operations: []manager.Operation{
			{Op: manager.OpCreate, Payload: []byte{0x81, 0xa1, 'a', 1}}, {Op: manager.OpDelete, ResourceID: "m:2", User: "v", Time: at},
		}}},
		"one that is whole": {Model: "m", Lane: jobs.LaneNormal, Args: jobs.Save{OnError: jobs.OnErrorFail, Operations: []manager.Operation{{Op: manager.OpDelete, ResourceID: "m:2"}}}},
		"ordered": {Model: "m", Lane: jobs.LaneNormal, Args: jobs.Save{Order: manager.Unordered, Operations: []manager.Operation{
			{Op: manager.OpUpsert, ResourceID: "m:1", Data: []byte(`{}`), Order: manager.Numbered(-1 << 63)},
		}}},
		"load": {ID: "b", Lane: jobs.LaneBulk, RulesOff: true, Parent: uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Args: jobs.Load{
			Source: "upload:x.acbak", Size: opt.Of(int64(7)), Modified: at, OnDuplicate: "skip", Models: []string{"m"}, Allow: []string{"missing_revision"},
		}},
		"backfill":         {ID: "c", Lane: jobs.LaneBulk, Args: jobs.Backfill{What: jobs.RevisionMeta, Models: []string{"m", "n"}}},
		"backfill, slowly": {ID: "c", Lane: jobs.LaneBulk, Args: jobs.Backfill{What: jobs.IndexedData, Going: jobs.Going{Rate: jobs.MaxRate}}},
		"migrate, dry":     {ID: "d", Lane: jobs.LaneBulk, Args: jobs.Migrate{Models: []string{"m"}, Going: jobs.Going{Rate: 1, DryRun: true}}},
		"migrate":          {ID: "d", Lane: jobs.LaneBulk, Args: jobs.Migrate{Models: []string{"m", "n"}, History: true}},
		"migrate current":  {ID: "e", Lane: jobs.LaneBulk, Args: jobs.Migrate{Models: []string{"m"}}},
		"dump":             {ID: "g", Lane: jobs.LaneBulk, Args: jobs.Dump{Target: "s3://b/k", Models: []string{"m"}, Query: []byte(`{"limit":7}`)}},
		"dump of all":      {ID: "g", Lane: jobs.LaneBulk, Args: jobs.Dump{}},
		"verify":           {ID: "h", Lane: jobs.LaneBulk, Args: jobs.Verify{Models: []string{"m"}}},
		"chunk":            {ID: "f", Lane: jobs.LaneBulk, Args: jobs.Chunk{Job: uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Plan: [16]byte{1, 0xab, 15: 255}, No: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(s, b); err != nil {
				t.Fatalf("%s: %v", b, err)
			}
			back, err := jobs.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := differ(e, back); diff != "" {
				t.Fatalf("%s\n%s", b, diff)
			}
		})
	}
}

// TestTheLowestSchemaIsWritten: programs of the first one read whatever they can do, and
// leave the rest alone.
func TestTheLowestSchemaIsWritten(t *testing.T) {
	for _, c := range []struct {
		of   jobs.Args
		want string
	}{
		{jobs.Load{Source: "upload:x"}, `{"schema":1,`},
		{jobs.Load{Source: "file:/x"}, `{"schema":1,`},
		{jobs.Load{Source: "object:x"}, `{"schema":2,`},
		{jobs.Load{Source: "s3://b/x"}, `{"schema":2,`},
		{jobs.Backfill{What: jobs.RevisionMeta}, `{"schema":1,`},
		{jobs.Backfill{What: jobs.RevisionMeta, Going: jobs.Going{Rate: 5}}, `{"schema":2,`},
		{jobs.Migrate{Models: []string{"m"}}, `{"schema":1,`},
		{jobs.Migrate{Models: []string{"m"}, Going: jobs.Going{DryRun: true}}, `{"schema":2,`},
	} {
		b, err := jobs.Envelope{ID: "a", Args: c.of}.Encode()
		if err != nil || !strings.HasPrefix(string(b), c.want) {
			t.Errorf("%s, %v; it is to begin with %s", b, err, c.want)
		}
	}
}

func TestIDs(t *testing.T) {
	store := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	given := "0197b9a2-1111-7222-8333-444455556666"
	if id := jobs.ID(store, given); id.String() != given {
		t.Errorf("a UUID became %s", id)
	}
	for _, text := range []string{"nightly", "", "{0197b9a2-1111-7222-8333-444455556666}", "0197b9a211117222833344445555666", uuid.Nil.String()} {
		if id := jobs.ID(store, text); id != uuid.NewSHA1(store, []byte(text)) {
			t.Errorf("%q became %s", text, id)
		}
	}
	if a, b := jobs.NewID(), jobs.NewID(); a >= b {
		t.Errorf("%s is not below %s", a, b)
	}
}

// FuzzDecode looks for messages that crash the decoder, or that it takes but
// does not write so that they mean the same.
func FuzzDecode(f *testing.F) {
	for _, dir := range []string{"valid", "invalid"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		e, err := jobs.Decode(message)
		if err != nil {
			if _, ok := errors.AsType[*jobs.EnvelopeError](err); !ok {
				t.Fatalf("error of another type: %v", err)
			}
			return
		}
		if e.Form == "" && !json.Valid(message) {
			t.Fatal("a message that is not JSON was taken")
		}
		b, err := e.Encode()
		if err != nil {
			return // longer than the limit once written our way
		}
		again, err := jobs.Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if c, err := again.Encode(); err != nil || string(c) != string(b) {
			t.Fatalf("%s became %s, %v", b, c, err)
		}
	})
}
