package manager_test

import (
	"strings"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
)

func TestPatch(t *testing.T) {
	patch := func(id resource.ID, text, user string, minute int) manager.Operation {
		return op(manager.OpPatch, id, text, user, minute)
	}
	inPlace := func(o manager.Operation, text string) manager.Operation {
		return with(o, func(o *manager.Operation) { o.Patch = []byte(text) })
	}
	play(t, doc, []step{
		refuses(patch("doc:a", `{}`, "ann", 0), manager.CodeNotFound),
		does(op(manager.OpCreate, "doc:a", `{"z":1.0,"n":1,"a":{"deep":[1,2]}}`, "ann", 1), manager.EffectCreated),
		does(patch("doc:a", `[{"op":"replace","path":"/n","value":2}]`, "bob", 2), manager.EffectUpdated),
		does(patch("doc:a", `{"a":{"deep":null,"more":true}}`, "cyn", 3), manager.EffectUpdated),
		does(patch("doc:a", `{}`, "dan", 4), manager.EffectUnchanged),
		does(patch("doc:a", `[{"op":"test","path":"/z","value":1}]`, "dan", 4), manager.EffectUnchanged),
		refuses(patch("doc:a", `[{"op":"test","path":"/z","value":2}]`, "dan", 5), manager.CodeInvalid),
		refuses(patch("doc:a", `[{"op":"remove","path":"/absent"}]`, "dan", 5), manager.CodeInvalid),
		refuses(patch("doc:a", `[{"op":"paint","path":"/z"}]`, "dan", 5), manager.CodeInvalid),
		refuses(patch("doc:a", `"text"`, "dan", 5), manager.CodeInvalid),
		refuses(patch("doc:a", `{"a":`, "dan", 5), manager.CodeInvalid),
		refuses(expecting(patch("doc:a", `{"n":9}`, "dan", 5), "doc:a:1"), manager.CodeConflict),
		does(draft(patch("doc:a", `{"n":3}`, "eve", 6)), manager.EffectUpdated),
		does(inPlace(op(manager.OpModify, "doc:a", "", "fay", 7), `{"n":4}`), manager.EffectModified),
		does(stable(inPlace(op(manager.OpModify, "doc:a", "", "fay", 8), `{}`)), manager.EffectModified),
		refuses(inPlace(op(manager.OpModify, "doc:a", "", "fay", 9), `{"n":5}`), manager.CodeNotDraft),
		does(op(manager.OpDelete, "doc:a", "", "gil", 10), manager.EffectDeleted),
		refuses(patch("doc:a", `{"n":5}`, "gil", 11), manager.CodeDeleted),
	}, func(t *testing.T, s *store, m *manager.Manager) {
		wantHistory(t, s, "doc", "doc:a",
			`:1<- stable ann/ann {"z":1.0,"n":1,"a":{"deep":[1,2]}}`,
			`:2<:1 stable bob/bob {"z":1.0,"n":2,"a":{"deep":[1,2]}}`,
			`:3<:2 stable cyn/cyn {"z":1.0,"n":2,"a":{"more":true}}`,
			`:4<:3 stable eve/fay {"z":1.0,"n":4,"a":{"more":true}}`)
		wantCurrent(t, m, "doc:a", `doc:a:4 of 4 deleted by gil at 10; stable eve/fay at 6/8; {"n":4}`)
	})
}

// TestAPatchOfADeclaredModelKeepsItsForm: defaults, order and scalar forms are
// those of the declaration again, and a wrong type is refused.
func TestAPatchOfADeclaredModelKeepsItsForm(t *testing.T) {
	const declared = `
name: doc
encoding: msgpack
fields:
  - {name: title, type: str}
  - {name: weight, type: float, default: 0.5}
  - {name: at, type: "datetime | null", default: null}
indexed_fields: [title]
`
	eachStore(t, func(t *testing.T, open opener) {
		m := declareYAML(t, open(t), declared)
		if _, err := m.Create(t.Context(), op("", "doc:a", `{"at":"2024-03-01T08:00:00+08:00","title":"a"}`, "ann", 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Patch(t.Context(), op("", "doc:a", `{"weight":2}`, "ann", 1)); err != nil {
			t.Fatal(err)
		}
		patched, err := m.Get(t.Context(), "doc:a", manager.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Create(t.Context(), op("", "doc:b", `{"title":"a","weight":2.0,"at":"2024-03-01T00:00:00Z"}`, "ann", 2)); err != nil {
			t.Fatal(err)
		}
		whole, err := m.Get(t.Context(), "doc:b", manager.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if string(patched.Data) != string(whole.Data) {
			t.Errorf("patched %q, saved as a whole %q", patched.Data, whole.Data)
		}
		_, err = m.Patch(t.Context(), op("", "doc:a", `[{"op":"replace","path":"/weight","value":"heavy"}]`, "ann", 3))
		if code, _ := manager.CodeOf(err); code != manager.CodeInvalid || !strings.Contains(err.Error(), "weight") {
			t.Errorf("a wrong type gives %v", err)
		}
	})
}
