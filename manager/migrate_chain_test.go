package manager_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// keysV1 and keysV2 are versions of a model with a unique field, with ways there and back.
const (
	keysV1 = `
name: cat
schema_version: "1"
fields:
  - {name: key, type: "str?", default: null, unique: true}
migrations:
  - {from: "2", to: "1", steps: [{rename: {from: code, to: key}}]}
`
	keysV2 = `
name: cat
schema_version: "2"
fields:
  - {name: code, type: "str?", default: null, unique: true}
migrations:
  - {from: "1", to: "2", steps: [{rename: {from: key, to: code}}]}
`
)

// TestARefusedMigrationLeavesNoTrace: what a migration or switch made is not written
// with the next operation on the resource when it was itself refused.
func TestARefusedMigrationLeavesNoTrace(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declareYAML(t, s, keysV1)
		if _, err := m.SaveMany(t.Context(), []manager.Operation{
			op(manager.OpCreate, "cat:a", `{"key":"x"}`, "ann", 0),
			op(manager.OpUpdate, "cat:a", `{"key":"y"}`, "ann", 1),
			op(manager.OpCreate, "cat:b", `{"key":"x"}`, "ann", 2),
		}); err != nil {
			t.Fatal(err)
		}
		m = declareYAML(t, s, keysV2)
		out, err := m.SaveMany(t.Context(), []manager.Operation{
			{Op: manager.OpMigrate, ResourceID: "cat:b"},
			{Op: manager.OpMigrate, ResourceID: "cat:a"},
			switchTo("cat:a", 1, "eve", 3),
			op(manager.OpDelete, "cat:a", "", "eve", 4),
		})
		if err != nil || out[0].Effect != manager.EffectMigrated || out[2].Code != manager.CodeNotUnique || out[3].Effect != manager.EffectDeleted {
			t.Fatal(out, err)
		}
		const want = `1@1 {"key":"x"}; 2@1 {"key":"y"}; 2@2 from 1 {"code":"y"}`
		if got := stored(t, s, "cat:a"); got != want {
			t.Errorf("stored %s; want %s", got, want)
		}
		wantSound(t, s)
	})
}

// TestAMigratedPastKeepsTheUniqueValue: a resource of which another revision than the
// current one was migrated holds its value in the same unit of work.
func TestAMigratedPastKeepsTheUniqueValue(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declareYAML(t, s, keysV1)
		if _, err := m.SaveMany(t.Context(), []manager.Operation{
			op(manager.OpCreate, "cat:a", `{"key":"x"}`, "ann", 0),
			op(manager.OpUpdate, "cat:a", `{"key":"y"}`, "ann", 1),
		}); err != nil {
			t.Fatal(err)
		}
		m = declareYAML(t, s, keysV2)
		out, err := m.SaveMany(t.Context(), []manager.Operation{
			{Op: manager.OpMigrate, ResourceID: "cat:a"},
		})
		if err != nil || out[0].Effect != manager.EffectMigrated {
			t.Fatal(out, err)
		}
		out, err = m.SaveMany(t.Context(), []manager.Operation{
			{Op: manager.OpMigrate, ResourceID: "cat:a", RevisionID: "cat:a:1"},
			op(manager.OpCreate, "cat:b", `{"code":"y"}`, "ann", 2),
		})
		if err != nil || out[0].Effect != manager.EffectMigrated || out[1].Code != manager.CodeNotUnique {
			t.Fatal(out, err)
		}
		if got := stored(t, s, "cat:a"); !strings.Contains(got, `1@2 from 1 {"code":"x"}`) {
			t.Errorf("stored %s", got)
		}
	})
}

// TestAMigrationForgetsNoModification: the form that a draft had at a version before
// it was modified at another one is not taken for what a migration gives.
func TestAMigrationForgetsNoModification(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declareYAML(t, s, keysV1)
		if _, err := m.Create(t.Context(), draft(op("", "cat:a", `{"key":"old"}`, "ann", 0))); err != nil {
			t.Fatal(err)
		}
		m = declareYAML(t, s, keysV2)
		for _, o := range []manager.Operation{
			{Op: manager.OpMigrate, ResourceID: "cat:a"},
			op(manager.OpModify, "cat:a", `{"code":"new"}`, "bob", 1),
		} {
			if out, err := m.SaveMany(t.Context(), []manager.Operation{o}); err != nil || out[0].Effect == manager.EffectRefused {
				t.Fatal(out, err)
			}
		}
		m = declareYAML(t, s, keysV1)
		if out, err := m.Migrate(t.Context(), manager.Operation{ResourceID: "cat:a"}); err != nil || out.Effect != manager.EffectMigrated {
			t.Fatal(out, err)
		}
		got, err := m.Get(t.Context(), "cat:a", manager.GetOptions{})
		if err != nil || string(got.Data) != `{"key":"new"}` || got.Info.UpdatedBy != "bob" {
			t.Errorf("%s of %+v, %v", got.Data, got.Info, err)
		}
		wantSound(t, s)

		// Neither is it what a way is begun from.
		if out, err := m.Modify(t.Context(), op("", "cat:a", `{"key":"newer"}`, "cyn", 2)); err != nil || out.Effect != manager.EffectModified {
			t.Fatal(out, err)
		}
		if err := s.factory.SaveModel(t.Context(), storage.ModelInfo{Name: "cat", SchemaVersion: opt.Of("3")}); err != nil {
			t.Fatal(err)
		}
		of := catalogAnew(s, manager.Migration{Model: "cat", From: opt.Of("2"), To: "3", Apply: func(b []byte) ([]byte, error) { return b, nil }})
		_, err = of.open(t, "cat").Migrate(t.Context(), manager.Operation{ResourceID: "cat:a"})
		if code, _ := manager.CodeOf(err); code != manager.CodeNoMigration {
			t.Errorf("from version 2, which is of before: %v", err)
		}
	})
}

// TestEqualBytesOfAnotherVersionAreWritten: a payload of the declared version that is
// that of an older one byte for byte is not migrated later, as if it were older.
func TestEqualBytesOfAnotherVersionAreWritten(t *testing.T) {
	euros := manager.Migration{Model: "cat", From: opt.Of("1"), To: "2", Apply: func(b []byte) ([]byte, error) {
		return []byte(strings.TrimSuffix(string(b), "00}") + "}"), nil
	}}
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "cat", SchemaVersion: opt.Of("1")})
		if _, err := m.SaveMany(t.Context(), []manager.Operation{
			op(manager.OpCreate, "cat:a", `{"price":500}`, "ann", 0), // cents
			draft(op(manager.OpCreate, "cat:b", `{"price":500}`, "ann", 0)),
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.factory.SaveModel(t.Context(), storage.ModelInfo{Name: "cat", SchemaVersion: opt.Of("2")}); err != nil {
			t.Fatal(err)
		}
		s = catalogAnew(s, euros)
		m = s.open(t, "cat")
		for _, st := range []step{
			does(stable(op(manager.OpModify, "cat:b", "", "bob", 1)), manager.EffectModified), // the status alone is of no version
			does(draft(op(manager.OpModify, "cat:b", "", "bob", 1)), manager.EffectModified),
			does(op(manager.OpUpdate, "cat:a", `{"price":500}`, "bob", 2), manager.EffectUpdated),
			does(op(manager.OpUpdate, "cat:a", `{"price":500}`, "bob", 3), manager.EffectUnchanged),
			does(op(manager.OpModify, "cat:b", `{"price":500}`, "bob", 4), manager.EffectModified),
			does(op(manager.OpModify, "cat:b", `{"price":500}`, "bob", 5), manager.EffectUnchanged),
			does(op(manager.OpMigrate, "cat:a", "", "bob", 6), manager.EffectUnchanged),
			does(op(manager.OpMigrate, "cat:b", "", "bob", 6), manager.EffectUnchanged),
		} {
			out, err := m.SaveMany(t.Context(), []manager.Operation{st.op})
			if err != nil || out[0].Effect != st.effect {
				t.Errorf("%s of %s: %+v, %v; want %s", st.op.Op, st.op.ResourceID, out, err, st.effect)
			}
		}
		const a, b = `1@1 {"price":500}; 2@2 {"price":500}`, `1@1 {"price":500}; 1@2 {"price":500}`
		if got := stored(t, s, "cat:a"); got != a {
			t.Errorf("stored %s; want %s", got, a)
		}
		if got := stored(t, s, "cat:b"); got != b {
			t.Errorf("stored %s; want %s", got, b)
		}
		wantSound(t, s)
	})
}

// TestABlobThatAMigrationSetsIsRemembered: it is dumped with the model.
func TestABlobThatAMigrationSetsIsRemembered(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declareYAML(t, s, "name: cat\nschema_version: \"1\"\nfields: [{name: name, type: str}]\n")
		for _, id := range []resource.ID{"cat:a", "cat:b"} {
			if _, err := m.Create(t.Context(), op("", id, `{"name":"Al"}`, "ann", 0)); err != nil {
				t.Fatal(err)
			}
		}
		face := putBlob(t, s, "a face")
		m = declareYAML(t, s, fmt.Sprintf(`
name: cat
schema_version: "2"
fields: [{name: name, type: str}, {name: face, type: binary}]
migrations: [{from: "1", to: "2", steps: [{default: {path: face, value: {file_id: %q, size: 6}}}]}]
`, face))
		out, err := m.SaveMany(t.Context(), []manager.Operation{
			{Op: manager.OpMigrate, ResourceID: "cat:a"}, op(manager.OpPatch, "cat:b", `{"name":"Bo"}`, "ann", 1),
		})
		if err != nil || out[0].Effect != manager.EffectMigrated || out[1].Effect != manager.EffectUpdated {
			t.Fatal(out, err)
		}
		if _, stats := s.dump(t, manager.DumpOptions{}); stats.Models["cat"].Blobs != 1 || stats.MissingBlobs != 0 {
			t.Errorf("dump %+v", stats)
		}
	})
}
