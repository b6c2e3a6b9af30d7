package consumer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
)

// startLoops starts a loop on a fake source for each of the lanes and kinds.
func startLoops(t *testing.T, cfg Config, sources map[durable]source) *Handles {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var loops []*loop
	for d, src := range sources {
		l := c.newLoop(d)
		l.bind = func(context.Context) (bound, error) { return bound{source: src, ackWait: time.Minute}, nil }
		if err := l.rebind(t.Context()); err != nil {
			t.Fatal(err)
		}
		loops = append(loops, l)
	}
	return launch(t.Context(), c.cfg, loops, nil)
}

// TestOneBatchIsTriedAfterAnOutage: twelve loops wait for a store that answers but
// cannot be written to. One of them tries at a time, less and less often; when it can
// be written to again all go on.
func TestOneBatchIsTriedAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		var mu sync.Mutex
		tries, at, most := 0, 0, 0
		down.Store(true)
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			mu.Lock()
			tries++
			at++
			most = max(most, at)
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			at--
			mu.Unlock()
			vs := ackAll(ctx, ds)
			if down.Load() {
				for i := range vs {
					vs[i] = jobs.Verdict{Action: jobs.ActionPause, Err: errors.New("disk full")}
				}
			}
			return vs
		}}
		sources, all := map[durable]source{}, []*fakeMessage{}
		for i, d := range durables() {
			src := &fakeSource{messages: make(chan message, 100)}
			for j := range 3 {
				m := newFakeMessage(uint64(10*i+j+1), "x")
				all = append(all, m)
				src.messages <- m
			}
			sources[d] = src
		}
		h := startLoops(t, Config{Executor: x, Budget: NewBudget(100, 0)}, sources)
		time.Sleep(time.Second)
		synctest.Wait()
		mu.Lock()
		tries, most = 0, 0
		mu.Unlock()
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		if most != 1 || tries < 50 || tries > 62 {
			t.Fatalf("%d tries in four minutes, %d at the same time", tries, most)
		}
		if _, err := h.gate.trouble(); err == nil || err.Error() != "disk full" {
			t.Fatalf("trouble = %v", err)
		}
		down.Store(false)
		begin := time.Now()
		for _, m := range all {
			<-m.settled
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Fatalf("went on after %s", took)
		}
		h.Stop()
		<-h.Done()
	})
}

// TestALongTrialKeepsNobodyWaiting: what is tried after an outage may take hours.
func TestALongTrialKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			if calls.Add(1) == 1 {
				return []jobs.Verdict{{Action: jobs.ActionPause}}
			}
			if string(ds[0].Body) == "load" {
				time.Sleep(time.Hour)
			}
			return ackAll(ctx, ds)
		}}
		loads, saves := &fakeSource{messages: make(chan message, 1)}, &fakeSource{messages: make(chan message, 1)}
		h := startLoops(t, Config{Executor: x}, map[durable]source{
			{jobs.LaneBulk, jobs.KindLoad}: loads, {jobs.LaneNormal, jobs.KindSave}: saves,
		})
		loads.messages <- newFakeMessage(1, "load")
		time.Sleep(500 * time.Millisecond)
		save := newFakeMessage(2, "save")
		saves.messages <- save
		begin := time.Now()
		<-save.settled
		if took := time.Since(begin); took > 5*time.Second || calls.Load() != 3 {
			t.Fatalf("the save was done after %s, %d calls", took, calls.Load())
		}
		h.Stop()
		<-h.Done()
	})
}

// TestGateOpensWhenNothingIsLeftToTry: the worker is ready again.
func TestGateOpensWhenNothingIsLeftToTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(fakeExecutor{}, Config{}.withDefaults().Logger)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go g.run(ctx)
		g.trip(errTrial)
		if g.isOpen() {
			t.Fatal("open after a trip")
		}
		time.Sleep(10 * time.Second)
		if !g.isOpen() {
			t.Fatal("never opened")
		}
	})
}

var errTrial = errors.New("trial")
