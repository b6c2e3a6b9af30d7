package manager

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
)

func TestOutcomesAreThoseOfTheStandardLibrary(t *testing.T) {
	done := Outcome{Effect: EffectCreated, ResourceID: "item:1", RevisionID: "item:1:1"}
	for _, outcomes := range [][]Outcome{
		{},
		{done},
		{done, done, {Effect: EffectRefused, ResourceID: "item:2", Code: CodeExists, Message: "resource item:2 exists already"}},
		{{}},
		{done, {Effect: EffectRefused, ResourceID: "é", Message: `data of "x"`}},
		{{ResourceID: "<a>&"}},
		{{Message: "\x00\x7f\xff\u2028"}},
		{{RevisionID: `a\b`}},
	} {
		checkOutcomes(t, outcomes)
	}
}

func FuzzOutcomes(f *testing.F) {
	f.Add("created", "item:1", "item:1:1", "", "")
	f.Add("refused", "é<", "", "invalid", `"quoted"`)
	f.Fuzz(func(t *testing.T, effect, id, revision, code, message string) {
		o := Outcome{Effect(effect), resource.ID(id), resource.RevisionID(revision), Code(code), message}
		checkOutcomes(t, []Outcome{o, o})
	})
}

func checkOutcomes(t *testing.T, outcomes []Outcome) {
	t.Helper()
	want, err := json.Marshal(saveOutcome{Outcomes: outcomes})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := encodeOutcomes(outcomes); err != nil || string(got) != string(want) {
		t.Errorf("%+v are %s, %v; want %s", outcomes, got, err, want)
	}
}

func TestDerivedIDsAreUUIDv5(t *testing.T) {
	job := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	for _, parts := range [][]string{{}, {""}, {"id", "0"}, {"revision", "item:1", "0", "1", ""}, {string(make([]byte, 400))}} {
		var text []byte
		for _, p := range parts {
			text = append(append(text, p...), 0)
		}
		if got, want := derive(job, parts...), uuid.NewSHA1(job, text); got != want {
			t.Errorf("%q give %s, want %s", parts, got, want)
		}
	}
}
