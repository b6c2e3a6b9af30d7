package consumer

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// unparkable is an executor that panics when jobs are to wait in the ledger.
type unparkable struct{ fakeExecutor }

func (unparkable) Park(context.Context, []jobs.Delivery, []jobs.Verdict) []jobs.Verdict {
	panic("no place of mine")
}

// TestPanicsBesideJobsDoNotEndTheProcess: what cannot be parked sleeps in the queue, and a
// probe that panics is one that failed.
func TestPanicsBesideJobsDoNotEndTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int64
		x := unparkable{fakeExecutor{
			execute: func(_ context.Context, ds []jobs.Delivery) []jobs.Verdict {
				vs := make([]jobs.Verdict, len(ds))
				for i, d := range ds {
					switch {
					case string(d.Body) == "later":
						vs[i] = jobs.Verdict{Action: jobs.ActionRetry, State: storage.JobQueued, After: time.Hour}
					case probes.Load() == 0:
						vs[i] = jobs.Verdict{Action: jobs.ActionPause, Err: storage.ErrUnavailable}
					}
				}
				return vs
			},
			probe: func() error {
				if probes.Add(1) < 3 {
					panic("no answer of mine")
				}
				return nil
			},
		}}
		c, err := New(Config{Executor: x})
		if err != nil {
			t.Fatal(err)
		}
		src := &fakeSource{messages: make(chan message, 2)}
		l := c.newLoop(durable{jobs.LaneNormal, jobs.KindSave})
		l.bind = func(context.Context) (bound, error) { return bound{source: src, ackWait: time.Minute}, nil }
		if err := l.rebind(t.Context()); err != nil {
			t.Fatal(err)
		}
		h := launch(t.Context(), c.cfg, []*loop{l}, nil)
		later, now := newFakeMessage(1, "later"), newFakeMessage(2, "now")
		src.messages <- later
		<-later.settled
		if back := later.handedBack(); len(back) != 1 || back[0] != maxSleep {
			t.Errorf("what cannot be parked is handed back with %v", back)
		}
		src.messages <- now
		<-now.settled
		if now.acks != 1 || probes.Load() != 3 {
			t.Errorf("%d acknowledgements after %d probes", now.acks, probes.Load())
		}
		h.Stop()
		<-h.Done()
	})
}
