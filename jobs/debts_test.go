package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/faulty"
)

var errDown = fmt.Errorf("connection refused: %w", storage.ErrUnavailable)

// failable returns a bench whose executor uses a ledger that fails as the plan says.
func failable() (*bench, *faulty.Plan) {
	b, plan := newBench(), new(faulty.Plan)
	c := b.Config
	c.Ledger = faulty.New(b.factory, plan).Ledger()
	b.Executor = jobs.NewExecutor(c)
	return b, plan
}

// down makes all of the ledger fail.
func down(p *faulty.Plan) {
	p.Arm(faulty.Fault{On: []string{"Ledger.*"}, Times: faulty.Always, Do: faulty.Fail(errDown)})
}

func (b *bench) attempts(t *testing.T, text string, want int) {
	t.Helper()
	if row := b.row(t, text); row.Attempt != want {
		t.Fatalf("%d attempts of %s are counted, not %d", row.Attempt, text, want)
	}
}

func TestAttemptsThatAnOutageCountedAreTakenBackByTheProbe(t *testing.T) {
	b, plan := failable()
	b.fault = func([]string) error { down(plan); return errDown }
	for range 3 * jobs.DefaultMaxAttempts {
		b.expect(t, []string{"pause", "pause"}, save("a", 2), save("b", 2))
		if err := b.Probe(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
			t.Fatalf("the probe of a store that is down: %v", err)
		}
		plan.Disarm()
		b.attempts(t, "job-a", 1)
		if err := b.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.attempts(t, "job-a", 0)
		b.attempts(t, "job-b", 0)
	}
}

func TestAttemptsAreTakenBackBeforeTheNextIsCounted(t *testing.T) {
	b, plan := failable()
	b.fault = func([]string) error { down(plan); return errDown }
	b.expect(t, []string{"pause"}, save("a", 2))
	plan.Disarm()
	b.fault = func([]string) error { return errors.New("no") }
	if v := b.expect(t, []string{"retry"}, save("a", 3))[0]; v.Attempt != 1 {
		t.Fatalf("%+v", v)
	}
	b.attempts(t, "job-a", 1)
}

func TestFailureThatCannotBeCountedIsAnOutage(t *testing.T) {
	b, plan := failable()
	b.fault = func([]string) error { return errors.New("no") }
	down(plan)
	b.expect(t, []string{"pause", "pause"}, save("a", 1), save("b", 1))
	if len(b.batches) != 2 { // both, then the first alone
		t.Fatalf("batches %v", b.batches)
	}
}

func TestLoadDoesNotWaitForItsOwnClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, plan := failable()
		b.load = func(context.Context, func(storage.Progress)) error { down(plan); return errDown }
		for range 3 {
			b.expect(t, []string{"pause"}, loadDelivery("load-1"))
			plan.Disarm()
			if row := b.row(t, "load-1"); !row.LeaseUntil.After(time.Now()) {
				t.Fatalf("the store was not down: %+v", row)
			}
			if err := b.Probe(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.attempts(t, "load-1", 0)
		}
		b.load = func(context.Context, func(storage.Progress)) error { return errors.New("no") }
		if v := b.expect(t, []string{"retry"}, loadDelivery("load-1"))[0]; v.Attempt != 1 || v.Code != jobs.CodeFailed {
			t.Fatalf("%+v", v)
		}
	})
}

func TestEndThatCannotBeRecordedLeavesNoLease(t *testing.T) {
	b, plan := failable()
	b.load = func(context.Context, func(storage.Progress)) error {
		down(plan)
		return &jobs.RefusedError{Code: "test", Err: errors.New("not this one")}
	}
	b.expect(t, []string{"pause"}, loadDelivery("load-1"))
	plan.Disarm()
	b.load = func(context.Context, func(storage.Progress)) error {
		return &jobs.RefusedError{Code: "test", Err: errors.New("not this one")}
	}
	if v := b.expect(t, []string{"ack"}, loadDelivery("load-1"))[0]; v.State != storage.JobRefused || v.Attempt != 1 {
		t.Fatalf("%+v", v)
	}
}

// TestClaimLostDuringAnOutageIsNotReleased: of what is owed to a row that has gone on
// without us only the attempt is taken back, once.
func TestClaimLostDuringAnOutageIsNotReleased(t *testing.T) {
	b, plan := failable()
	b.load = func(context.Context, func(storage.Progress)) error { down(plan); return errDown }
	b.expect(t, []string{"pause"}, loadDelivery("load-1"))
	plan.Disarm()
	l := b.factory.Ledger()
	if _, err := l.Takeover(t.Context(), b.Queue); err != nil {
		t.Fatal(err)
	}
	row := b.row(t, "load-1")
	if _, _, err := l.Claim(t.Context(), row, time.Minute); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if row := b.row(t, "load-1"); row.State != storage.JobRunning || row.Attempt != 1 {
		t.Fatalf("%+v", row)
	}
}

func TestDebtsAreBounded(t *testing.T) {
	b, plan := failable()
	b.fault = func([]string) error { down(plan); return errDown }
	const most = 10_000
	ds := make([]jobs.Delivery, most+1)
	for i := range ds {
		ds[i] = save(fmt.Sprint(i), 2)
	}
	b.Execute(t.Context(), ds)
	plan.Disarm()
	if err := b.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.attempts(t, fmt.Sprint("job-", most-1), 0)
	b.attempts(t, fmt.Sprint("job-", most), 1)
}
