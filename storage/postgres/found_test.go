package postgres

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// firstOf are n resources of a model with one revision each, and the batch that
// writes them.
func firstOf(model string, n int) (storage.Batch, storage.ModelWrites) {
	b, w := storage.Batch{New: true}, storage.ModelWrites{}
	for i := range n {
		id := resource.ID(fmt.Sprintf("%s:%d", model, i))
		m := metaOf(id)
		info := resource.RevisionInfo{
			UID: uuid.NewSHA1(uuid.Nil, []byte(id)), ResourceID: id, RevisionID: m.CurrentRevisionID, Status: resource.Stable,
			CreatedTime: m.CreatedTime, UpdatedTime: m.UpdatedTime, CreatedBy: "a", UpdatedBy: "a",
		}
		m.Rev = resource.RevMetaOf(info)
		b.Refs = append(b.Refs, storage.Ref{Model: model, ID: id})
		w.Metas = append(w.Metas, m)
		w.Revisions = append(w.Revisions, resource.Revision{Info: info, Data: []byte(`{}`)})
	}
	return b, w
}

// writing is a compute that writes to one model.
func writing(model string, w storage.ModelWrites) func(storage.View) (storage.Writes, error) {
	return func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: map[string]storage.ModelWrites{model: w}}, nil
	}
}

// modelCatalogue is everything about the tables of the model person.
const modelCatalogue = `SELECT format('%s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation, a.attstorage)
		FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relkind = 'r' AND c.relname ~ '^person_'
	UNION ALL SELECT format('%s %s %s %s', pg_get_indexdef(i.indexrelid), i.indisprimary, i.indisvalid, obj_description(i.indexrelid))
		FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid WHERE c.relname ~ '^person_'
	UNION ALL SELECT format('%s %s %s', r.conname, pg_get_constraintdef(r.oid), r.convalidated) FROM pg_constraint AS r JOIN pg_class AS c ON c.oid = r.conrelid WHERE c.relname ~ '^person_'
	UNION ALL SELECT to_jsonb(m)::text FROM specstar_models AS m
	ORDER BY 1`

// TestFoundedTablesAreThoseOfSaveModel: whoever looks at the tables cannot tell in which
// way they were made.
func TestFoundedTablesAreThoseOfSaveModel(t *testing.T) {
	info := storage.ModelInfo{
		Name: "person", Encoding: resource.JSON, IndexedPaths: []string{"email", "name"}, UniquePaths: []string{"email"}, SchemaVersion: opt.Of("2"),
	}
	for name, c := range map[string]Config{"native": {}, "sqlalchemy": {DSN: "&layout=sqlalchemy"}, "without a foreign key": {NoForeignKey: true}} {
		t.Run(name, func(t *testing.T) {
			var made [2][]string
			for i, together := range []bool{false, true} {
				c := c
				c.DSN = pgtest.Database(t) + c.DSN
				f, err := Open(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				b, w := firstOf("person", 600)
				if together {
					err = f.Found(t.Context(), []storage.ModelInfo{info}, b, writing("person", w))
				} else if err = f.SaveModel(t.Context(), info); err == nil {
					err = f.Unit().Update(t.Context(), b, writing("person", w))
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, rows := range []string{`TABLE person_meta`, `TABLE person_resource_data`, `TABLE person_resource_index`} {
					made[i] = append(made[i], texted(t, f, `SELECT to_jsonb(t)::text FROM (`+rows+`) AS t ORDER BY 1`)...)
				}
				made[i] = append(made[i], texted(t, f, modelCatalogue)...)
			}
			if diff := cmp.Diff(made[0], made[1]); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// texted returns what a query of one text column gives.
func texted(t *testing.T, f *Factory, query string) []string {
	t.Helper()
	rows, err := collect(t.Context(), f, pooled{f}, "look at", query, nil, scanText[string])
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestWhatIsNotFoundedLeavesNothing: neither tables nor the model's row are there after
// an error, and the model can be made in the ordinary way.
func TestWhatIsNotFoundedLeavesNothing(t *testing.T) {
	f := openTest(t)
	info := storage.ModelInfo{Name: "person", Encoding: resource.JSON}
	b, w := firstOf("person", 3)
	w.Revisions[2].Info.UID = w.Revisions[0].Info.UID // only the key finds it out
	if err := f.Found(t.Context(), []storage.ModelInfo{info}, b, writing("person", w)); !errors.Is(err, storage.ErrNotFounded) {
		t.Fatalf("a uid that comes twice: %v", err)
	}
	if left := texted(t, f, `SELECT relname::text FROM pg_class WHERE relname ~ '^person_' UNION ALL SELECT name FROM specstar_models`); len(left) > 0 {
		t.Fatalf("left behind: %q", left)
	}
	if err := f.SaveModel(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	if err := f.Unit().Update(t.Context(), b, writing("person", w)); err != nil {
		t.Fatal(err)
	}
}

// TestARowThatIsRefusedIsNotFounded: which one it is is found out by Update.
func TestARowThatIsRefusedIsNotFounded(t *testing.T) {
	f := openTest(t)
	sql(t, f, `CREATE FUNCTION strict() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
		IF to_regclass('person_meta') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'strict') THEN ALTER TABLE person_meta ADD CONSTRAINT strict CHECK (resource_id <> 'person:1'); END IF; END $$`)
	sql(t, f, `CREATE EVENT TRIGGER strict ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION strict()`)
	b, w := firstOf("person", 3)
	if err := f.Found(t.Context(), []storage.ModelInfo{{Name: "person", Encoding: resource.JSON}}, b, writing("person", w)); !errors.Is(err, storage.ErrNotFounded) {
		t.Fatalf("a row that a constraint refuses: %v", err)
	}
}

// TestNothingIsFoundedOverTablesThatAreThere: also not over one that is no table of ours,
// in any schema of the path.
func TestNothingIsFoundedOverTablesThatAreThere(t *testing.T) {
	b, w := firstOf("person", 1)
	for _, table := range []string{"person_meta", "person_resource_data", "person_resource_index", "late.person_meta"} {
		t.Run(table, func(t *testing.T) {
			f := openTest(t)
			sql(t, f, `CREATE SCHEMA late`)
			sql(t, f, `CREATE TABLE `+table+` (a text)`)
			late, err := Open(t.Context(), Config{DSN: f.pool.Config().ConnString() + "&search_path=public,late"})
			if err != nil {
				t.Fatal(err)
			}
			defer late.Close()
			if err := late.Found(t.Context(), []storage.ModelInfo{{Name: "person"}}, b, writing("person", w)); !errors.Is(err, storage.ErrNotFounded) {
				t.Fatalf("the model was made over %s: %v", table, err)
			}
		})
	}
}

// TestOneOfManyFounds: of processes that make one model at the same time one does, and
// the others find it whole.
func TestOneOfManyFounds(t *testing.T) {
	first := openTest(t)
	var g errgroup.Group
	won := make([]bool, 6)
	for i := range won {
		f, err := Open(t.Context(), Config{DSN: first.pool.Config().ConnString()})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		g.Go(func() error {
			b, w := firstOf("person", 500)
			err := f.Found(t.Context(), []storage.ModelInfo{{Name: "person", Encoding: resource.JSON}}, b, writing("person", w))
			if won[i] = err == nil; won[i] || !errors.Is(err, storage.ErrNotFounded) {
				return err
			}
			stores, err := f.Build(t.Context(), "person")
			if err != nil {
				return err
			}
			stats, err := stores.Metas.Stats(t.Context())
			if err != nil {
				return err
			}
			if n, err := stores.Revisions.Count(t.Context()); err != nil || stats.Metas != 500 || n != 500 {
				return fmt.Errorf("the model that another one made holds %+v and %d revisions: %w", stats, n, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if i := slices.Index(won, true); i < 0 || slices.Contains(won[i+1:], true) {
		t.Fatalf("made it: %v", won)
	}
}
