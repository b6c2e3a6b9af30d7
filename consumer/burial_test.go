package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
)

// buryAll gives every delivery up.
func buryAll(_ context.Context, ds []jobs.Delivery) []jobs.Verdict {
	vs := make([]jobs.Verdict, len(ds))
	for i := range vs {
		vs[i] = jobs.Verdict{Action: jobs.ActionBury, Letter: &jobs.Letter{}}
	}
	return vs
}

// buryDead gives up what has the body "dead" and acknowledges the rest.
func buryDead(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
	vs := buryAll(ctx, ds)
	for i, d := range ds {
		if string(d.Body) != "dead" {
			vs[i] = jobs.Verdict{}
		}
	}
	return vs
}

// startBurying is startFake with what publishes letters.
func startBurying(t *testing.T, x fakeExecutor, src *fakeSource, batch int, bury func(context.Context, jobs.Letter) error) (*Handles, *Consumer) {
	t.Helper()
	c, err := New(Config{Executor: x, Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	l := c.newLoop(durable{jobs.LaneNormal, jobs.KindSave})
	l.bury = bury
	l.bind = func(context.Context) (bound, error) { return bound{source: src, ackWait: 3 * time.Second}, nil }
	if err := l.rebind(t.Context()); err != nil {
		t.Fatal(err)
	}
	return launch(t.Context(), c.cfg, []*loop{l}, nil), c
}

// TestALetterOnItsWayHoldsNothingUp: batches behind it are done, its message is kept
// alive, and the loop does not end before it is answered.
func TestALetterOnItsWayHoldsNothingUp(t *testing.T) {
	for name, tc := range map[string]struct {
		bury func() error
		acks int
	}{
		"kept":     {func() error { return nil }, 1},
		"not kept": {func() error { return errors.New("no answer") }, 0},
		"a panic":  {func() error { panic("no letter of mine") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := &fakeSource{messages: make(chan message, 10)}
				h, _ := startBurying(t, fakeExecutor{execute: buryDead}, src, 1, func(context.Context, jobs.Letter) error {
					time.Sleep(10 * time.Second)
					return tc.bury()
				})
				begun := time.Now()
				dead, next := newFakeMessage(1, "dead"), newFakeMessage(2, "alive")
				src.messages <- dead
				src.messages <- next
				<-next.settled
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("the next save waited for %s", took)
				}
				h.Stop()
				<-h.Done()
				if took := time.Since(begun); took < 10*time.Second {
					t.Errorf("the loop ended after %s, before the letter was answered", took)
				}
				if dead.acks != tc.acks || len(dead.handedBack()) != 1-tc.acks || dead.inProgress() < 5 {
					t.Errorf("%d acknowledgements, handed back with %v, %d beats", dead.acks, dead.handedBack(), dead.inProgress())
				}
			})
		})
	}
}

// TestLettersOnTheirWayAreBounded: with more of them batches wait, and none is lost.
func TestLettersOnTheirWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all = 3 * burialsAtOnce
		var mu sync.Mutex
		running, most := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			running += n
			most = max(most, running)
		}
		src := &fakeSource{messages: make(chan message, all)}
		h, c := startBurying(t, fakeExecutor{execute: buryAll}, src, 10, func(context.Context, jobs.Letter) error {
			count(1)
			defer count(-1)
			time.Sleep(time.Second)
			return nil
		})
		var ms []*fakeMessage
		for i := range all {
			ms = append(ms, newFakeMessage(uint64(i+1), fmt.Sprint(i)))
			src.messages <- ms[i]
		}
		for _, m := range ms {
			<-m.settled
		}
		h.Stop()
		<-h.Done()
		if most < burialsAtOnce || most > burialsAtOnce+2*batchLoops {
			t.Errorf("%d letters were on their way at once", most)
		}
		for _, s := range c.Stats() {
			if s.InFlight != 0 || s.Kind == jobs.KindSave && s.Lane == jobs.LaneNormal && s.Dead != all {
				t.Errorf("%+v", s)
			}
		}
	})
}

// batchLoops is how many batches of saves a loop may have in hand, each of which may
// publish a letter itself.
const batchLoops = 2
