package manager_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// catV2 is what became of cats: a field renamed, one more, one less. Cats without a
// version are from before there was one.
const catV2 = `
name: cat
schema_version: "2"
fields:
  - {name: full_name, type: str}
  - {name: lives, type: int, default: 9}
  - {name: tags, type: "list[str]", default: []}
indexed_fields: [full_name]
migrations:
  - {from: null, to: "1", steps: [{default: {path: name, value: "nobody"}}]}
  - from: "1"
    to: "2"
    steps:
      - {rename: {from: name, to: full_name}}
      - {remove: colour}
      - {default: {path: lives, value: 9}}
      - {patch: [{op: add, path: /tags, value: [migrated]}]}
`

// oldCats makes cats of before the declaration: a at version 1 with two revisions, b
// without a version, c deleted at version 1, d at a version nobody knows.
func oldCats(t *testing.T, s *store) {
	t.Helper()
	for version, ops := range map[string][]manager.Operation{
		"1": {
			op(manager.OpCreate, "cat:a", `{"name":"Al","colour":"red"}`, "ann", 0),
			op(manager.OpUpdate, "cat:a", `{"name":"Ali","colour":"red"}`, "bob", 1),
			op(manager.OpCreate, "cat:c", `{"name":"Cy"}`, "ann", 2),
			op(manager.OpDelete, "cat:c", "", "ann", 3),
		},
		"":  {op(manager.OpCreate, "cat:b", `{"colour":"blue"}`, "ann", 4)},
		"x": {op(manager.OpCreate, "cat:d", `{"name":"Di"}`, "ann", 5)},
	} {
		info := storage.ModelInfo{Name: "cat"}
		if version != "" {
			info.SchemaVersion = opt.Of(version)
		}
		if err := s.factory.SaveModel(t.Context(), info); err != nil {
			t.Fatal(err)
		}
		m := catalogAnew(s).open(t, "cat")
		if out, err := m.SaveMany(t.Context(), ops); err != nil || out[0].Effect == manager.EffectRefused {
			t.Fatal(out, err)
		}
	}
}

// catalogAnew is a catalog that knows nothing yet.
func catalogAnew(s *store, ms ...manager.Migration) *store {
	return &store{Catalog: manager.NewCatalog(s.factory, s.blobs, manager.Options{Migrations: ms}), factory: s.factory, blobs: s.blobs}
}

// stored describes what is stored of a cat: version, parent version, payload.
func stored(t *testing.T, s *store, id resource.ID) string {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), "cat")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for info, err := range stores.Revisions.List(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		rev, err := stores.Revisions.Get(t.Context(), info.Key())
		if err != nil {
			t.Fatal(err)
		}
		parent := ""
		if p, ok := info.ParentSchemaVersion.Get(); ok {
			parent = " from null"
			if p != nil {
				parent = " from " + *p
			}
		}
		n, _ := info.RevisionID.Number()
		all = append(all, fmt.Sprintf("%d@%s%s %s", n, info.SchemaVersion.Or("-"), parent, rev.Data))
	}
	return strings.Join(all, "; ")
}

func TestMigrate(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		oldCats(t, s)
		s = catalogAnew(s)
		m := declareYAML(t, s, catV2)
		before, err := m.GetMeta(t.Context(), "cat:a")
		if err != nil {
			t.Fatal(err)
		}

		out, err := m.Migrate(t.Context(), manager.Operation{ResourceID: "cat:a", User: "eve"})
		if err != nil || out.Effect != manager.EffectMigrated {
			t.Fatal(out, err)
		}
		const old = `1@1 {"name":"Al","colour":"red"}; 2@1 {"name":"Ali","colour":"red"}`
		const new = `; 2@2 from 1 {"full_name":"Ali","lives":9,"tags":["migrated"]}`
		if got := stored(t, s, "cat:a"); got != old+new {
			t.Errorf("stored\n%s; want\n%s", got, old+new)
		}
		after, err := m.GetMeta(t.Context(), "cat:a")
		if err != nil {
			t.Fatal(err)
		}
		if after.SchemaVersion != opt.Of("2") || after.UpdatedBy != before.UpdatedBy || !after.UpdatedTime.Equal(before.UpdatedTime) ||
			after.TotalRevisionCount != before.TotalRevisionCount || after.Rev != before.Rev {
			t.Errorf("meta before %+v, after %+v", before, after)
		}
		x, _ := after.IndexedData.Get()
		if name, _ := x.Lookup("full_name"); name != "Ali" {
			t.Errorf("indexed full_name is %v", name)
		}
		again, err := m.Migrate(t.Context(), manager.Operation{ResourceID: "cat:a", User: "eve"})
		if err != nil || again.Effect != manager.EffectUnchanged {
			t.Errorf("again: %+v, %v", again, err)
		}
		// The hash is the new payload's: equal content is recognised.
		same, err := m.Update(t.Context(), op("", "cat:a", `{"full_name":"Ali","tags":["migrated"]}`, "eve", 9))
		if err != nil || same.Effect != manager.EffectUnchanged {
			t.Errorf("an update with equal content: %+v, %v", same, err)
		}
		found, err := s.Verify(t.Context())
		if err != nil || !found.OK || len(found.Notes) > 0 {
			t.Errorf("verify: %+v, %v", found, err)
		}
	})
}

func TestMigrateRefuses(t *testing.T) {
	s := openMemory(t)
	oldCats(t, s)
	s = catalogAnew(s)
	if err := s.factory.SaveModel(t.Context(), storage.ModelInfo{Name: "plain"}); err != nil {
		t.Fatal(err)
	}
	_, err := s.open(t, "plain").MigrateAll(t.Context(), manager.MigrateOptions{})
	if code, _ := manager.CodeOf(err); code != manager.CodeNoMigration {
		t.Errorf("a model without a version: %v", err)
	}
	_, err = s.open(t, "plain").Unmigrated(t.Context())
	if code, _ := manager.CodeOf(err); code != manager.CodeNoMigration {
		t.Errorf("to migrate of a model without a version: %v", err)
	}
	m := declareYAML(t, s, catV2)
	for _, c := range []struct {
		op   manager.Operation
		code manager.Code
		says []string
	}{
		{manager.Operation{ResourceID: "cat:z"}, manager.CodeNotFound, nil},
		{manager.Operation{ResourceID: "cat:a", RevisionID: "cat:a:7"}, manager.CodeNotFound, []string{"cat:a:7"}},
		{manager.Operation{ResourceID: "cat:d"}, manager.CodeNoMigration, []string{`version "x"`, `version "2"`, "cat:d"}},
		{expecting(manager.Operation{ResourceID: "cat:a"}, "cat:a:1"), manager.CodeConflict, nil},
	} {
		_, err := m.Migrate(t.Context(), c.op)
		if code, _ := manager.CodeOf(err); code != c.code {
			t.Errorf("%+v: %v", c.op, err)
		}
		for _, part := range c.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not say %s", err, part)
			}
		}
	}
}

func TestMigrateAll(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		oldCats(t, s)
		m := declareYAML(t, catalogAnew(s), catV2)
		if n, err := m.Unmigrated(t.Context()); err != nil || n != 4 {
			t.Errorf("%d to migrate, %v", n, err)
		}
		stats, err := m.MigrateAll(t.Context(), manager.MigrateOptions{User: "eve"})
		if err != nil {
			t.Fatal(err)
		}
		if stats.Migrated != 3 || stats.Failed != 1 || len(stats.Failures) != 1 || stats.Failures[0].ResourceID != "cat:d" {
			t.Fatalf("stats %+v", stats)
		}
		if got, want := stored(t, s, "cat:b"), `1@- {"colour":"blue"}; 1@2 from null {"full_name":"nobody","lives":9,"tags":["migrated"]}`; got != want {
			t.Errorf("cat:b: %s; want %s", got, want)
		}
		if c, err := m.GetMeta(t.Context(), "cat:c"); err != nil || !c.IsDeleted || c.SchemaVersion != opt.Of("2") {
			t.Errorf("the deleted one is %+v, %v", c, err)
		}
		if n, err := m.Unmigrated(t.Context()); err != nil || n != 1 {
			t.Errorf("%d left to migrate, %v", n, err)
		}
		// A second run has only the failure to try again; with the history, what was left.
		if stats, err = m.MigrateAll(t.Context(), manager.MigrateOptions{}); err != nil || stats.Migrated != 0 || stats.Failed != 1 {
			t.Errorf("second run: %+v, %v", stats, err)
		}
		if stats, err = m.MigrateAll(t.Context(), manager.MigrateOptions{History: true}); err != nil || stats.Migrated != 1 || stats.Failed != 1 {
			t.Errorf("history: %+v, %v", stats, err)
		}
		if got := stored(t, s, "cat:a"); !strings.Contains(got, `1@2 from 1 {"full_name":"Al","lives":9,"tags":["migrated"]}`) {
			t.Errorf("cat:a: %s", got)
		}
	})
}

// TestSwitchMigratesOnTheWay: the original refuses until somebody has migrated.
func TestSwitchMigratesOnTheWay(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		oldCats(t, s)
		m := declareYAML(t, catalogAnew(s), catV2)
		if _, err := m.Migrate(t.Context(), manager.Operation{ResourceID: "cat:a"}); err != nil {
			t.Fatal(err)
		}
		out, err := m.Switch(t.Context(), switchTo("cat:a", 1, "eve", 9))
		if err != nil || out.Effect != manager.EffectSwitched {
			t.Fatal(out, err)
		}
		got, err := m.Get(t.Context(), "cat:a", manager.GetOptions{})
		if err != nil || string(got.Data) != `{"full_name":"Al","lives":9,"tags":["migrated"]}` || got.Meta.SchemaVersion != opt.Of("2") {
			t.Errorf("%s of %+v, %v", got.Data, got.Meta, err)
		}
	})
}

// TestAPatchOfAnOldPayloadMigratesFirst: what a patch gives is of the declared version.
func TestAPatchOfAnOldPayloadMigratesFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		oldCats(t, s)
		m := declareYAML(t, catalogAnew(s), catV2)
		if _, err := m.Patch(t.Context(), op("", "cat:a", `{"lives":3}`, "eve", 9)); err != nil {
			t.Fatal(err)
		}
		if got, want := stored(t, s, "cat:a"), `; 3@2 {"full_name":"Ali","lives":3,"tags":["migrated"]}`; !strings.HasSuffix(got, want) {
			t.Errorf("%s; want %s in the end", got, want)
		}
		_, err := m.Patch(t.Context(), op("", "cat:d", `{"lives":3}`, "eve", 9))
		if code, _ := manager.CodeOf(err); code != manager.CodeNotMigrated {
			t.Errorf("without a way: %v", err)
		}
	})
}

// TestMigrationsInGo: functions of the program are ways too, come before declared
// ones, and refuse a resource alone.
func TestMigrationsInGo(t *testing.T) {
	s := openMemory(t)
	oldCats(t, s)
	var saw []string
	m := declareYAML(t, catalogAnew(s, manager.Migration{Model: "cat", From: opt.Of("x"), To: "1", Apply: func(b []byte) ([]byte, error) {
		return nil, errors.New("no x today")
	}}, manager.Migration{Model: "cat", From: opt.Of("1"), To: "2", Apply: func(b []byte) ([]byte, error) {
		saw = append(saw, string(b))
		return bytes.Replace(b, []byte("name"), []byte("full_name"), 1), nil
	}}, manager.Migration{Model: "dog", From: opt.Of("1"), To: "2"}), strings.Replace(catV2, "fields:", "unknown_fields: keep\nfields:", 1))
	stats, err := m.MigrateAll(t.Context(), manager.MigrateOptions{})
	if err != nil || stats.Migrated != 3 || stats.Failed != 1 || !strings.Contains(stats.Failures[0].Message, "no x today") {
		t.Fatalf("stats %+v, %v", stats, err)
	}
	if len(saw) != 3 {
		t.Errorf("the function saw %q", saw)
	}
}

// TestAMigrationRepeatsItself: the uid of what a job writes is derived, so that a
// repeat writes the same.
func TestAMigrationRepeatsItself(t *testing.T) {
	var dumps [][]byte
	cats := catArchive(t)
	for range 2 {
		s := openMemory(t)
		s.load(t, cats, manager.LoadOptions{})
		m := declareYAML(t, catalogAnew(s), catV2)
		out, err := m.SaveJobs(t.Context(), []manager.SaveJob{saveJob("migration", manager.Operation{Op: manager.OpMigrate, ResourceID: "cat:a"})})
		if err != nil || out[0].Outcomes[0].Effect != manager.EffectMigrated {
			t.Fatal(out, err)
		}
		dumps = append(dumps, s.dumpAll(t))
	}
	if !bytes.Equal(dumps[0], dumps[1]) {
		t.Error("two runs of one job differ")
	}
}

// catArchive is an archive of one old cat.
func catArchive(t *testing.T) []byte {
	t.Helper()
	s := openMemory(t)
	if err := s.factory.SaveModel(t.Context(), storage.ModelInfo{Name: "cat", SchemaVersion: opt.Of("1")}); err != nil {
		t.Fatal(err)
	}
	m := s.open(t, "cat")
	if _, err := m.Create(t.Context(), op("", "cat:a", `{"name":"Al"}`, "ann", 0)); err != nil {
		t.Fatal(err)
	}
	return s.dumpAll(t)
}

// TestSwitchWithoutAWayIsRefused: a model that is known by name only has no way to
// the version of the resource.
func TestSwitchWithoutAWayIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		oldCats(t, s)
		if _, err := declareYAML(t, catalogAnew(s), catV2).Migrate(t.Context(), manager.Operation{ResourceID: "cat:a"}); err != nil {
			t.Fatal(err)
		}
		if err := s.factory.SaveModel(t.Context(), storage.ModelInfo{Name: "cat"}); err != nil {
			t.Fatal(err)
		}
		plain := catalogAnew(s).open(t, "cat")
		_, err := plain.Switch(t.Context(), switchTo("cat:a", 1, "eve", 9))
		if code, _ := manager.CodeOf(err); code != manager.CodeNotMigrated || !strings.Contains(err.Error(), `version "2"`) {
			t.Errorf("switch to a revision of version 1: %v", err)
		}
		if got, err := plain.GetMeta(t.Context(), "cat:a"); err != nil || got.CurrentRevisionID != "cat:a:2" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
