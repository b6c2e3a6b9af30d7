package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// occupied is a ledger that takes no renewal, as one whose only writer is busy; reads are
// answered by read.
type occupied struct {
	storage.Ledger
	read func(storage.Job) (storage.Job, error)
}

func (occupied) Renew(ctx context.Context, _ storage.Claim, _ time.Duration, _ storage.Progress) (storage.Job, error) {
	<-ctx.Done()
	return storage.Job{}, ctx.Err()
}

func (o occupied) Get(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	row, err := o.Ledger.Get(ctx, id)
	if err != nil || row.State != storage.JobRunning {
		return row, err
	}
	return o.read(row)
}

// TestAClaimThatCannotBeRenewedIsHeld: as long as the row tells that nobody else has the
// job.
func TestAClaimThatCannotBeRenewedIsHeld(t *testing.T) {
	const work = 10 * time.Minute
	for name, tc := range map[string]struct {
		read func(storage.Job) (storage.Job, error)
		code string
		ends bool // before its time
	}{
		"nobody else has it": {func(row storage.Job) (storage.Job, error) { return row, nil }, "enough", false},
		"another one has it": {func(row storage.Job) (storage.Job, error) {
			row.Started = row.Started.Add(time.Second)
			return row, nil
		}, "", true},
		"it was freed": {func(row storage.Job) (storage.Job, error) {
			row.State = storage.JobQueued
			return row, nil
		}, "", true},
		"nothing can be read": {func(storage.Job) (storage.Job, error) { return storage.Job{}, storage.ErrUnavailable }, jobs.CodeUnavailable, true},
		"it was cancelled": {func(row storage.Job) (storage.Job, error) {
			row.Cancel = true
			return row, nil
		}, jobs.CodeCancelled, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				cfg := b.Config
				cfg.Ledger = occupied{b.factory.Ledger(), tc.read}
				b.Executor = jobs.NewExecutor(cfg)
				b.load = func(ctx context.Context, _ func(storage.Progress)) error {
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-time.After(work):
						return &jobs.RefusedError{Code: "enough", Err: errors.New("enough")}
					}
				}
				began := time.Now()
				v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("l")})[0]
				if took := time.Since(began); v.Code != tc.code || (took < work) != tc.ends {
					t.Fatalf("after %s: %+v", took, v)
				}
			})
		})
	}
}

// busyWriter is a loader whose transaction takes long, as one does that publishes a large
// load, and ends with the job.
type busyWriter struct {
	factory storage.Factory
	takes   time.Duration
}

func (b busyWriter) Load(ctx context.Context, c storage.Claim, _ jobs.Actor, _ jobs.Load, _ func(storage.Progress)) error {
	id := resource.ID("r")
	batch := storage.Batch{Refs: []storage.Ref{{Model: "m", ID: id}}}
	err := b.factory.Unit().Update(ctx, batch, func(storage.View) (storage.Writes, error) {
		time.Sleep(b.takes)
		return storage.Writes{}, ctx.Err()
	})
	if err != nil {
		return err
	}
	return b.factory.Unit().Publish(ctx, c, storage.Final{State: storage.JobDone})
}

func (busyWriter) Unstage(context.Context, storage.Claim) error { return nil }

// TestALoadThatWritesLongerThanItsLease is done by the attempt that began it, in a store
// that has one writer.
func TestALoadThatWritesLongerThanItsLease(t *testing.T) {
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const lease = 2 * time.Second // half of it is how long an answer of the ledger is waited for
	work := &jobs.CatalogWork{Catalog: manager.NewCatalog(f, nil, manager.Options{})}
	x := jobs.NewExecutor(jobs.Config{
		Store: f.ID(), Ledger: f.Ledger(), Queue: uuid.New(), Saver: work, Loader: busyWriter{f, 3 * lease}, Backfiller: work, Migrator: work, Lease: lease,
	})
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "m", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	v := x.Execute(t.Context(), []jobs.Delivery{loadDelivery("l")})[0]
	if v.State != storage.JobDone || v.Attempt != 1 {
		t.Fatalf("%+v", v)
	}
}
