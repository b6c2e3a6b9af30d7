package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// panicking is a store that panics when metas are replaced, as a backfill does in
// goroutines of its own.
type panicking struct{ storage.Factory }

func (f panicking) Build(ctx context.Context, model string) (storage.Stores, error) {
	s, err := f.Factory.Build(ctx, model)
	s.Metas = panickingMetas{s.Metas}
	return s, err
}

type panickingMetas struct{ storage.MetaStore }

func (panickingMetas) CompareAndSwap(context.Context, []storage.Swap) ([]bool, error) {
	panic("no page of mine")
}

// A panic on a page of a backfill is the failure of the job, not the end of the process.
func TestPanicOnAPageOfABackfillIsTheJobs(t *testing.T) {
	f := panicking{memory.New()}
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "m", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	stores, err := f.Build(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1700000000, 0).UTC()
	rev := resource.Revision{Data: []byte(`{}`), Info: resource.RevisionInfo{
		UID: uuid.New(), ResourceID: "a", RevisionID: "a:1", Status: resource.Stable, CreatedTime: at, UpdatedTime: at, CreatedBy: "u", UpdatedBy: "u",
	}}
	meta := resource.Meta{ResourceID: "a", CurrentRevisionID: "a:1", TotalRevisionCount: 1, CreatedTime: at, UpdatedTime: at, CreatedBy: "u", UpdatedBy: "u"}
	if err := errors.Join(stores.Revisions.SaveMany(t.Context(), []resource.Revision{rev}), stores.Metas.SaveMany(t.Context(), []resource.Meta{meta})); err != nil {
		t.Fatal(err)
	}
	work := &jobs.CatalogWork{Catalog: manager.NewCatalog(f, nil, manager.Options{})}
	x := jobs.NewExecutor(jobs.Config{
		Store: f.ID(), Ledger: f.Ledger(), Queue: uuid.New(), Saver: work, Loader: work, Backfiller: work, Migrator: work, Lease: time.Minute,
	})
	e := jobs.NewBackfill("u", "m")
	e.ID, e.Time = "fill", at
	v := x.Execute(t.Context(), []jobs.Delivery{deliver(t, e)})[0]
	p, ok := errors.AsType[*jobs.PanicError](v.Err)
	if !ok || p.Value != "no page of mine" || len(p.Stack) == 0 || v.Action != jobs.ActionRetry || v.Attempt != 1 {
		t.Fatalf("%+v", v)
	}
	row, err := f.Ledger().Get(t.Context(), jobs.ID(f.ID(), "fill"))
	if err != nil || row.State != storage.JobQueued || row.ErrorCode != jobs.CodePanic {
		t.Errorf("the row is %+v, %v", row, err)
	}
}
