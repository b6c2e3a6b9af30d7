package manager_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// bareDocs makes so many resources without rev_*, of which the last one's current
// revision is nowhere.
func bareDocs(t *testing.T, s *store, n int) storage.Stores {
	t.Helper()
	declare(t, s, storage.ModelInfo{Name: "doc"})
	stores, err := s.factory.Build(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	metas, revs := make([]resource.Meta, n), make([]resource.Revision, n)
	for i := range n {
		metas[i], revs[i] = simple(resource.ID(fmt.Sprintf("doc:%03d", i)), fmt.Sprintf(`{"n":%d}`, i))
		metas[i].Rev = resource.RevMeta{}
	}
	if err := stores.Revisions.SaveMany(t.Context(), revs[:n-1]); err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
		t.Fatal(err)
	}
	return stores
}

// inRanges does work range by range, from the last one to the first.
func inRanges[S any](t *testing.T, m *manager.Manager, unfilled bool, add func(S, S) S, work func(storage.Range) (S, error)) (sum S) {
	t.Helper()
	ranges, err := m.Ranges(t.Context(), 3, unfilled)
	if err != nil || len(ranges) < 2 {
		t.Fatal(ranges, err)
	}
	for _, in := range slices.Backward(ranges) {
		s, err := work(in)
		if err != nil {
			t.Fatal(err)
		}
		sum = add(sum, s)
	}
	return sum
}

// TestWorkIsDoneRangeByRange: in any order, each row once, and counted once.
func TestWorkIsDoneRangeByRange(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		bareDocs(t, s, 10)
		m := s.open(t, "doc")
		missing := []resource.ID{"doc:009"}
		got := inRanges(t, m, true, manager.BackfillStats.Add, func(in storage.Range) (manager.BackfillStats, error) {
			return m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{Range: in})
		})
		if diff := cmp.Diff(manager.BackfillStats{Updated: 9, Missing: 1, MissingIDs: missing}, got); diff != "" {
			t.Error(diff)
		}
		declare(t, s, storage.ModelInfo{Name: "doc", IndexedPaths: []string{"n"}, SchemaVersion: opt.Of("2")})
		m = s.open(t, "doc")
		got = inRanges(t, m, false, manager.BackfillStats.Add, func(in storage.Range) (manager.BackfillStats, error) {
			return m.BackfillIndexedData(t.Context(), manager.BackfillOptions{Range: in})
		})
		if diff := cmp.Diff(manager.BackfillStats{Updated: 9, Missing: 1, MissingIDs: missing}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestMigrationByRanges: range by range, dry first.
func TestMigrationByRanges(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		declare(t, s, storage.ModelInfo{Name: "cat", SchemaVersion: opt.Of("1")})
		old := s.open(t, "cat")
		for i := range 8 {
			data := `{"name":"Al"}`
			if i == 5 {
				data = `{"name":7}`
			}
			if _, err := old.Create(t.Context(), op("", resource.ID(fmt.Sprint("cat:", i)), data, "ann", i)); err != nil {
				t.Fatal(err)
			}
		}
		m := declareYAML(t, catalogAnew(s), "name: cat\nschema_version: \"2\"\nfields: [{name: full_name, type: str}]\n"+
			"migrations: [{from: \"1\", to: \"2\", steps: [{rename: {from: name, to: full_name}}]}]\n")
		before := s.dumpAll(t)
		for _, dry := range []bool{true, false} {
			got := inRanges(t, m, false, manager.MigrateStats.Add, func(in storage.Range) (manager.MigrateStats, error) {
				return m.MigrateAll(t.Context(), manager.MigrateOptions{Range: in, DryRun: dry})
			})
			if got.Migrated != 7 || got.Failed != 1 || got.Rows() != 8 || len(got.Failures) != 1 || got.Failures[0].ResourceID != "cat:5" {
				t.Errorf("dry %v: %+v", dry, got)
			}
			if same := bytes.Equal(before, s.dumpAll(t)); same != dry {
				t.Errorf("dry %v, and the dumps before and after are the same: %v", dry, same)
			}
		}
		if n, err := m.Unmigrated(t.Context()); err != nil || n != 1 {
			t.Errorf("%d are left, %v", n, err)
		}
		wantSound(t, s)
	})
}

// lateWriter writes once between what a migration reads ahead and its unit of work.
type lateWriter struct {
	storage.Factory
	write func()
}

func (f *lateWriter) Unit() storage.UnitOfWork { return lateUnit{f.Factory.Unit(), f} }

type lateUnit struct {
	storage.UnitOfWork
	f *lateWriter
}

func (u lateUnit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	if write := u.f.write; write != nil {
		u.f.write = nil
		write()
	}
	return u.UnitOfWork.Update(ctx, b, compute)
}

// modifyBehind changes the current revision of a resource in place.
func modifyBehind(t *testing.T, s *store, id resource.ID, data string) {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), "cat")
	if err != nil {
		t.Fatal(err)
	}
	meta, err := stores.Metas.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := stores.Revisions.Get(t.Context(), resource.RevisionKey{Resource: id, Revision: meta.CurrentRevisionID, SchemaVersion: meta.SchemaVersion})
	if err != nil {
		t.Fatal(err)
	}
	meta.UpdatedTime = meta.UpdatedTime.Add(time.Second)
	r.Info.UpdatedTime, r.Info.UID, r.Data = meta.UpdatedTime, uuid.New(), []byte(data)
	if err := stores.Revisions.SaveMany(t.Context(), []resource.Revision{r}); err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{meta}); err != nil {
		t.Fatal(err)
	}
}

// TestAMigrationTakesWhatWasWrittenMeanwhile: what was read ahead of a resource that
// has been changed since does not count.
func TestAMigrationTakesWhatWasWrittenMeanwhile(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		oldCats(t, s)
		late := &lateWriter{Factory: s.factory}
		m := declareYAML(t, &store{Catalog: manager.NewCatalog(late, s.blobs, manager.Options{}), factory: late, blobs: s.blobs}, catV2)
		late.write = func() { modifyBehind(t, s, "cat:a", `{"name":"Changed"}`) }
		if _, err := m.MigrateAll(t.Context(), manager.MigrateOptions{}); err != nil {
			t.Fatal(err)
		}
		r, err := s.open(t, "cat").Get(t.Context(), "cat:a", manager.GetOptions{})
		if err != nil || string(r.Data) != `{"full_name":"Changed","lives":9,"tags":["migrated"]}` {
			t.Errorf("%s, %v", r.Data, err)
		}
	})
}
