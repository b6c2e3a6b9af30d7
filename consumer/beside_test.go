package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
)

// slowBatches carries out each batch in a second and notes when it began and ended, by
// its first message.
type slowBatches struct {
	mu    sync.Mutex
	noted []string
}

func (s *slowBatches) note(what string, ds []jobs.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noted = append(s.noted, what+string(ds[0].Body))
}

// all returns what was noted.
func (s *slowBatches) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.noted)
}

func (s *slowBatches) execute(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
	s.note("+", ds)
	defer s.note("-", ds)
	time.Sleep(time.Second)
	return ackAll(ctx, ds)
}

// startSaves starts loops of saves of the lanes, each of which has a source.
func startSaves(t *testing.T, x fakeExecutor, b *Budget, lanes ...jobs.Lane) (*Handles, []*fakeSource) {
	t.Helper()
	var all []*fakeSource
	sources := map[durable]source{}
	for _, lane := range lanes {
		src := &fakeSource{messages: make(chan message, 100)}
		sources[durable{lane, jobs.KindSave}] = src
		all = append(all, src)
	}
	return startLoops(t, Config{Executor: x, Batch: 2, Beside: 2, Budget: b}, sources), all
}

func put(src *fakeSource, from, to int) (all []*fakeMessage) {
	for n := from; n <= to; n++ {
		m := newFakeMessage(uint64(n), fmt.Sprint(n))
		all = append(all, m)
		src.messages <- m
	}
	return all
}

// TestTwoBatchesRunAtOnce when that is worth it: what is little gathers until the batch
// before has ended.
func TestTwoBatchesRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slowBatches
		h, src := startSaves(t, fakeExecutor{execute: s.execute}, NewBudget(4, 0), jobs.LaneNormal)
		put(src[0], 1, 1)
		time.Sleep(100 * time.Millisecond)
		put(src[0], 2, 2)
		time.Sleep(100 * time.Millisecond)
		put(src[0], 3, 5)
		time.Sleep(10 * time.Second)
		if want := []string{"+1", "+2", "-1", "+4", "-2", "-4"}; !slices.Equal(s.all(), want) {
			t.Errorf("%v, want %v", s.all(), want)
		}
		h.Stop()
		<-h.Done()
	})
}

// TestSecondBatchesLeaveSlots: of three lanes two have much to do, and there are four
// slots.
func TestSecondBatchesLeaveSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slowBatches
		h, src := startSaves(t, fakeExecutor{execute: s.execute}, NewBudget(4, 0), jobs.LaneBulk, jobs.LaneNormal, jobs.LaneHigh)
		for i, many := range []int{8, 8, 1} {
			put(src[i], 10*i+1, 10*i+many)
			time.Sleep(100 * time.Millisecond)
		}
		if want := []string{"+1", "+3", "+11", "+21"}; !slices.Equal(s.all(), want) {
			t.Errorf("of two busy lanes and one with a little to do there ran %v, want %v", s.all(), want)
		}
		time.Sleep(10 * time.Second)
		h.Stop()
		<-h.Done()
	})
}

// TestOutageOfTwoBatches: the later one has its verdicts first. Nothing is taken until
// both are back, and then all comes in order.
func TestOutageOfTwoBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var tried []string
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			mu.Lock()
			n := len(tried)
			for _, d := range ds {
				tried = append(tried, string(d.Body))
			}
			mu.Unlock()
			vs := ackAll(ctx, ds)
			if n < 4 {
				time.Sleep(time.Duration(4-n) * 10 * time.Second)
				for i := range vs {
					vs[i] = jobs.Verdict{Action: jobs.ActionPause, Err: errors.New("down")}
				}
			}
			return vs
		}}
		h, src := startSaves(t, x, NewBudget(4, 0), jobs.LaneNormal)
		all := put(src[0], 1, 6)
		for _, m := range all {
			<-m.settled
		}
		if want := []string{"1", "2", "3", "4", "1", "2", "3", "4", "5", "6"}; !slices.Equal(tried, want) {
			t.Errorf("%v, want %v", tried, want)
		}
		h.Stop()
		<-h.Done()
	})
}

// TestAbortHandsTwoBatchesBackInOrder, though the later one ends first.
func TestAbortHandsTwoBatchesBackInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			<-ctx.Done()
			if string(ds[0].Body) == "1" {
				time.Sleep(time.Second)
			}
			vs := ackAll(ctx, ds)
			for i := range vs {
				vs[i] = jobs.Verdict{Action: jobs.ActionRetry, Code: jobs.CodeShutdown}
			}
			return vs
		}}
		h, src := startSaves(t, x, NewBudget(4, 0), jobs.LaneNormal)
		all := put(src[0], 1, 4)
		time.Sleep(time.Second)
		h.Abort(nil)
		select {
		case <-all[2].settled:
			t.Fatal("a message of the second batch was handed back before those of the first")
		case <-all[1].settled:
		}
		<-all[3].settled
		<-h.Done()
	})
}

// TestALongJobThatWaitsForTheStoreIsTriedAgain while another one of its loop runs on.
func TestALongJobThatWaitsForTheStoreIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		tries := map[string]int{}
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			name := string(ds[0].Body)
			mu.Lock()
			tries[name]++
			first := tries[name] == 1
			mu.Unlock()
			vs := ackAll(ctx, ds)
			switch {
			case name == "1":
				time.Sleep(time.Hour)
			case first:
				vs[0] = jobs.Verdict{Action: jobs.ActionPause, Err: errors.New("down")}
			}
			return vs
		}}
		src := &fakeSource{messages: make(chan message, 2)}
		h := startLoops(t, Config{Executor: x}, map[durable]source{{jobs.LaneBulk, jobs.KindLoad}: src})
		began := time.Now()
		all := put(src, 1, 2)
		<-all[1].settled
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it was tried again after %s", took)
		}
		h.Stop()
		<-h.Done()
	})
}
