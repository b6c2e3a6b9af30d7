package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/faulty"
)

// hang makes units of work hang: until their context ends when obedient, else until
// the returned function is called.
func (b *bench) hang(obedient bool) (end func()) {
	over := make(chan struct{})
	b.wait = func(ctx context.Context) error {
		if !obedient {
			<-over
			return errors.New("at last")
		}
		<-ctx.Done()
		return ctx.Err()
	}
	return func() { close(over) }
}

func TestSavesThatHangAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.hang(true)
		began := time.Now()
		vs := b.expect(t, []string{"retry", "retry"}, save("a", 1), save("b", 2))
		if took := time.Since(began); took != jobs.DefaultSaveTimeout {
			t.Fatalf("given up after %s", took)
		}
		for _, v := range vs {
			if v.Code != jobs.CodeTimeout || v.Attempt != 1 {
				t.Fatalf("%+v", v)
			}
		}
		b.wait = nil
		b.expect(t, []string{"ack", "ack"}, save("a", 2), save("b", 3))
	})
}

// TestHangingStoreIsAnOutage: behind a connection that swallows everything a batch
// hangs as well, but that is not its doing.
func TestHangingStoreIsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, plan := failable()
		b.hang(true)
		for range 2 {
			go func() {
				time.Sleep(time.Second)
				plan.Arm(faulty.Fault{On: []string{"Ledger.*"}, Times: faulty.Always, Do: faulty.Delay(time.Hour)})
			}()
			b.expect(t, []string{"pause", "pause"}, save("a", 2), save("b", 2))
			// Nor is anything counted while it goes on.
			b.expect(t, []string{"pause", "pause"}, save("a", 3), save("b", 3))
			plan.Disarm()
			if err := b.Probe(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.attempts(t, "job-a", 0)
			b.attempts(t, "job-b", 0)
		}
	})
}

func TestSavesThatCannotBeEndedPauseTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		end := b.hang(false)
		b.expect(t, []string{"pause", "pause"}, save("a", 2), save("b", 2))
		b.attempts(t, "job-a", 0)
		if err := b.Probe(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
			t.Fatalf("the probe of a worker that hangs: %v", err)
		}
		b.expect(t, []string{"pause"}, loadDelivery("load-1"))
		end()
		synctest.Wait()
		if err := b.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.wait = nil
		b.expect(t, []string{"ack", "ack"}, save("a", 3), save("b", 3))
	})
}

func TestLoadWithoutProgressIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.load = func(ctx context.Context, _ func(storage.Progress)) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		v := b.expect(t, []string{"retry"}, loadDelivery("load-1"))[0]
		if v.Code != jobs.CodeTimeout || v.Attempt != 1 || time.Since(began) > jobs.DefaultStallTimeout+time.Second {
			t.Fatalf("after %s: %+v", time.Since(began), v)
		}
		if row := b.row(t, "load-1"); row.State != storage.JobQueued || row.LeaseUntil.After(time.Now()) {
			t.Fatalf("%+v", row)
		}
	})
}

func TestSignsOfLifeKeepALoadGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.load = func(ctx context.Context, progress func(storage.Progress)) error {
			for range 10 {
				time.Sleep(jobs.DefaultStallTimeout - time.Minute)
				progress(storage.Progress{})
			}
			return errors.Join(ctx.Err(), &jobs.RefusedError{Code: "test", Err: errors.New("came through")})
		}
		if v := b.expect(t, []string{"ack"}, loadDelivery("load-1"))[0]; v.Code != "test" {
			t.Fatalf("%+v", v)
		}
	})
}

// TestLoadsThatCannotBeEndedAreLeft: their claim is given back, what they still
// write is fenced, and the worker begins no more when there are several.
func TestLoadsThatCannotBeEndedAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		over := make(chan struct{})
		b.load = func(context.Context, func(storage.Progress)) error {
			<-over
			return errors.New("at last")
		}
		for _, id := range []string{"load-1", "load-2", "load-3", "load-4"} {
			if v := b.expect(t, []string{"retry"}, loadDelivery(id))[0]; v.Code != jobs.CodeTimeout {
				t.Fatalf("%+v", v)
			}
			if row := b.row(t, id); row.State != storage.JobQueued || row.Attempt != 1 {
				t.Fatalf("%+v", row)
			}
		}
		b.expect(t, []string{"pause"}, loadDelivery("load-1"))
		if err := b.Probe(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
			t.Fatalf("the probe of a worker that hangs: %v", err)
		}
		close(over)
		synctest.Wait()
		if v := b.expect(t, []string{"retry"}, loadDelivery("load-1"))[0]; v.Code != jobs.CodeFailed || v.Attempt != 2 {
			t.Fatalf("%+v", v)
		}
	})
}

// slow is an archive whose reads take time, a little of it each.
type slow struct {
	archived
	each time.Duration
}

func (s slow) Open(ctx context.Context, l jobs.Load) (jobs.Source, error) {
	src, err := s.archived.Open(ctx, l)
	return slowSource{src, s.each}, err
}

type slowSource struct {
	jobs.Source
	each time.Duration
}

func (s slowSource) ReadAt(p []byte, at int64) (int, error) {
	time.Sleep(s.each)
	return s.Source.ReadAt(p[:min(len(p), 100)], at)
}

// TestCheckingALargeArchiveIsNoStandstill: the checking pass makes no progress, but
// it reads.
func TestCheckingALargeArchiveIsNoStandstill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		c := b.Config
		c.Loader = &jobs.CatalogWork{Catalog: b.catalog, Sources: slow{oneDocument(t, []byte(`{}`)), jobs.DefaultStallTimeout - time.Minute}}
		b.Executor = jobs.NewExecutor(c)
		began := time.Now()
		v := b.expect(t, []string{"ack"}, loadDelivery("load-1"))[0]
		if took := time.Since(began); v.State != storage.JobDone || took < 2*jobs.DefaultStallTimeout {
			t.Fatalf("after %s: %+v", took, v)
		}
	})
}
