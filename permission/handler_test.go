package permission_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestARefusalSaysWhoMayNotDoWhat(t *testing.T) {
	c := inMemory(t)
	documents(t, c, map[string]string{"1": "ann"})
	for name, checker := range map[string]permission.Checker{"deny": always(deny), "not applicable": always(none), "nothing": always("")} {
		_, err := open(t, guarded(c, checker, "bob"), "doc").Get(t.Context(), "doc:1", manager.GetOptions{})
		isForbidden(t, name, err)
		if want := "Permission denied for user 'bob' to perform 'get' on 'doc'"; err.Error() != want {
			t.Errorf("%s: %q", name, err)
		}
	}
}

// In the original a search for entries that fails is logged, and counts as if
// there were none.
func TestAFailedCheckDenies(t *testing.T) {
	c := inMemory(t)
	documents(t, c, map[string]string{"1": "ann"})
	m := open(t, guarded(c, permission.Composite{permission.AllowAll{}, down()}, "bob"), "doc")
	if _, err := m.Get(t.Context(), "doc:1", manager.GetOptions{}); !errors.Is(err, errDown) {
		t.Errorf("get: %v", err)
	}
	if _, err := m.Delete(t.Context(), manager.Operation{ResourceID: "doc:1"}); !errors.Is(err, errDown) {
		t.Errorf("delete: %v", err)
	}
	for _, err := range m.Search(t.Context(), qb.Query{}) {
		if !errors.Is(err, errDown) {
			t.Errorf("search: %v", err)
		}
	}
	if meta, err := open(t, c, "doc").GetMeta(t.Context(), "doc:1"); err != nil || meta.IsDeleted {
		t.Errorf("it was deleted: %v", err)
	}
	// What is refused to the checker itself is no way in either.
	peeking := permission.CheckerFunc(func(ctx context.Context, _ *permission.Context) (permission.Result, error) {
		_, err := open(t, c, "doc").GetMeta(ctx, "doc:none")
		return allow, err
	})
	_, err := open(t, guarded(c, peeking, "bob"), "doc").Get(t.Context(), "doc:1", manager.GetOptions{})
	isForbidden(t, "peeking", err)
}

// The original checks none of these.
func TestCountsBackfillsAndBlobsAreChecked(t *testing.T) {
	c := inMemory(t)
	documents(t, c, map[string]string{"1": "ann"})
	view := guarded(c, permission.RootOnly{}, "bob")
	m := open(t, view, "doc")
	_, count := m.Count(t.Context(), qb.Query{})
	_, exists := m.GetMeta(t.Context(), "doc:1")
	_, stats := m.Stats(t.Context())
	_, metaStats := m.MetaStats(t.Context())
	_, backfill := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{})
	_, unmigrated := m.Unmigrated(t.Context())
	_, blobs := view.DumpTo(t.Context(), &bytes.Buffer{}, manager.DumpOptions{})
	_, verify := view.Verify(t.Context())
	_, garbage := view.CollectGarbage(t.Context(), manager.GCOptions{})
	for what, err := range map[string]error{
		"count": count, "exists": exists, "stats": stats, "stats of metas": metaStats, "backfill": backfill, "unmigrated": unmigrated, "blobs of a dump": blobs, "verify": verify, "garbage": garbage,
	} {
		isForbidden(t, what, err)
	}
}

// In the original one patch makes six checks.
func TestOneOperationIsOneCheck(t *testing.T) {
	c := inMemory(t)
	documents(t, c, map[string]string{"1": "ann"})
	var checks atomic.Int64
	counting := permission.CheckerFunc(func(context.Context, *permission.Context) (permission.Result, error) {
		checks.Add(1)
		return allow, nil
	})
	m := open(t, guarded(c, counting, "bob"), "doc")
	for _, op := range []manager.Operation{
		{Op: manager.OpUpdate, Data: []byte(`{"n":2}`)},
		{Op: manager.OpUpsert, Data: []byte(`{"n":3}`)},
		{Op: manager.OpPatch, Data: []byte(`[{"op":"replace","path":"/n","value":4}]`)},
		{Op: manager.OpModify, Status: opt.Of(resource.Draft)},
		{Op: manager.OpSwitch, RevisionID: "doc:1:1"},
		{Op: manager.OpDelete},
		{Op: manager.OpRestore},
		{Op: manager.OpPurge},
	} {
		checks.Store(0)
		op.ResourceID = "doc:1"
		out, err := m.SaveMany(t.Context(), []manager.Operation{op})
		if err != nil || out[0].Code != "" {
			t.Fatalf("%s: %+v, %v", op.Op, out, err)
		}
		if n := checks.Load(); n != 1 {
			t.Errorf("%s: %d checks", op.Op, n)
		}
	}
}

func TestAQueuedOperationIsRefusedAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, c *manager.Catalog) {
		documents(t, c, map[string]string{"1": "ann"})
		m := open(t, guarded(c, permission.Composite{permission.Ownership{}, permission.AllowAll{}}, ""), "doc")
		job := func(ops ...manager.Operation) manager.SaveJob {
			return manager.SaveJob{Row: storage.Job{ID: uuid.New(), Kind: "save", Model: "doc", Created: epoch}, Operations: ops}
		}
		up := func(id, user string) manager.Operation {
			return manager.Operation{Op: manager.OpUpsert, ResourceID: resource.ID("doc:" + id), Data: []byte(`{"by":"` + user + `"}`), User: user}
		}
		out, err := m.SaveJobs(t.Context(), []manager.SaveJob{
			job(up("1", "ann"), up("1", "bob")), job(up("2", "bob")), job(up("2", "ann")), job(up("2", "bob")),
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []storage.JobState
		for _, o := range out {
			got = append(got, o.State)
		}
		if want := []storage.JobState{storage.JobDone, storage.JobDone, storage.JobRefused, storage.JobDone}; !slices.Equal(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
		if o := out[0].Outcomes; o[0].Effect != manager.EffectUpdated || o[1].Code != manager.CodeForbidden {
			t.Errorf("%+v", o)
		}
	})
}
