package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// another returns an executor of another worker on the same store.
func (b *bench) another() *bench {
	o := newBench()
	cfg := b.Config
	cfg.Ledger, cfg.Saver, cfg.Loader = b.factory.Ledger(), o, o
	o.Executor, o.factory, o.catalog = jobs.NewExecutor(cfg), b.factory, b.catalog
	return o
}

// TestAnOutageKillsNoJob whose only attempt it ended, though another worker gets the job
// before the one that was cut off could take the attempt back.
func TestAnOutageKillsNoJob(t *testing.T) {
	once := map[string]any{"attempts": 1}
	for name, took := range map[string]bool{"taken back in time": true, "its worker is gone": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, plan := failable()
				b.fault = func([]string) error { down(plan); return errDown }
				b.expect(t, []string{"pause"}, with(t, save("a", 2), once))
				other := b.another()
				v := other.expect(t, []string{"ack"}, with(t, save("a", 3), once))[0]
				if !v.Waits() || !v.NotBefore.Equal(time.Now().Add(b.Lease).Truncate(time.Microsecond)) || len(other.batches) != 0 {
					t.Fatalf("%+v", v)
				}
				b.attempts(t, "job-a", 1)
				if plan.Disarm(); took {
					if err := b.Probe(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(b.Lease)
				want := map[bool]string{true: "ack", false: "bury"}[took]
				other.expect(t, []string{want}, with(t, save("a", 4), once))
				row := b.row(t, "job-a")
				if done := row.State == storage.JobDone; done != took || row.Attempt != 1 && took {
					t.Fatalf("%+v", row)
				}
			})
		})
	}
}

// TestAnOutageKillsNoLoad that has failed by itself before.
func TestAnOutageKillsNoLoad(t *testing.T) {
	twice := map[string]any{"attempts": 2}
	synctest.Test(t, func(t *testing.T) {
		b, plan := failable()
		b.load = func(context.Context, func(storage.Progress)) error { return errors.New("no") }
		b.expect(t, []string{"retry"}, with(t, loadDelivery("l"), twice))
		b.load = func(context.Context, func(storage.Progress)) error { down(plan); return errDown }
		b.expect(t, []string{"pause"}, with(t, loadDelivery("l"), twice))
		time.Sleep(b.Lease + time.Second)
		other := b.another()
		other.load = func(context.Context, func(storage.Progress)) error {
			return &jobs.RefusedError{Code: "ran", Err: errors.New("it ran")}
		}
		if v := other.expect(t, []string{"ack"}, with(t, loadDelivery("l"), twice))[0]; !v.Waits() || v.Code != jobs.CodeAttempts {
			t.Fatalf("%+v", v)
		}
		plan.Disarm()
		if err := b.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.attempts(t, "l", 1)
		if v := other.expect(t, []string{"ack"}, with(t, loadDelivery("l"), twice))[0]; v.Code != "ran" || v.Attempt != 2 {
			t.Fatalf("%+v", v)
		}
	})
}

// TestAnAttemptThatIsTakenBackWhileAnotherRuns is not counted in the end.
func TestAnAttemptThatIsTakenBackWhileAnotherRuns(t *testing.T) {
	b, plan := failable()
	b.fault = func([]string) error { down(plan); return errDown }
	b.expect(t, []string{"pause"}, save("a", 2))
	plan.Disarm()
	other := b.another()
	other.wait = b.Probe
	other.expect(t, []string{"ack"}, save("a", 3))
	b.attempts(t, "job-a", 1)
}
