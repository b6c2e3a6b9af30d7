package consumer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/jobs"
)

// TestSlotsAreSharedByAllLoops: two long jobs of each kind and two saves of each lane are there,
// four slots: three for long jobs, in the order of lanes, and one for saves.
func TestSlotsAreSharedByAllLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		long, saves, most, mostLong := 0, 0, 0, 0
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			n, d := &long, time.Hour
			if string(ds[0].Body) == "save" {
				n, d = &saves, time.Second
			}
			mu.Lock()
			*n++
			most, mostLong = max(most, long+saves), max(mostLong, long)
			mu.Unlock()
			time.Sleep(d)
			mu.Lock()
			*n--
			mu.Unlock()
			return ackAll(ctx, ds)
		}}
		sources := map[durable]source{}
		var save []*fakeMessage
		var loads []*fakeMessage
		for i, d := range durables() {
			src := &fakeSource{messages: make(chan message, 10)}
			sources[d] = src
			for j := range 2 {
				m := newFakeMessage(uint64(10*i+j+1), string(d.kind))
				if src.messages <- m; d.kind == jobs.KindSave {
					save = append(save, m)
				} else {
					loads = append(loads, m)
				}
			}
		}
		h := startLoops(t, Config{Executor: x, Budget: NewBudget(4, 0)}, sources)
		begin := time.Now()
		for _, m := range save {
			<-m.settled
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Fatalf("long jobs kept saves waiting for %s", took)
		}
		for _, m := range loads {
			<-m.settled
		}
		if took := time.Since(begin); took > time.Duration(len(loads)/3+1)*time.Hour {
			t.Fatalf("%d hours of work on three slots took %s", len(loads), took)
		}
		if most > 4 || mostLong != 3 {
			t.Fatalf("%d ran at the same time, %d of them long", most, mostLong)
		}
		h.Stop()
		<-h.Done()
		if s, b := h.budget.slots.left(0), h.budget.bytes.left(0); s != 4 || b != DefaultBudgetBytes {
			t.Fatalf("%d slots and %d bytes are left", s, b)
		}
	})
}

func TestHighLanesComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{free: 0}
		var mu sync.Mutex
		var got []string
		for i, lane := range []int{2, 1, 0, 2, 1, 0} {
			go func() {
				p.acquire(context.Background(), lane, 1, 0)
				mu.Lock()
				defer mu.Unlock()
				got = append(got, fmt.Sprintf("%d.%d", lane, i))
			}()
			synctest.Wait()
		}
		for range 6 {
			p.release(1)
			synctest.Wait()
		}
		if want := []string{"0.2", "0.5", "1.1", "1.4", "2.0", "2.3"}; !slices.Equal(got, want) {
			t.Fatalf("order %v, want %v", got, want)
		}
	})
}

// TestWhoeverGivesUpIsInNobodysWay and takes nothing with it.
func TestWhoeverGivesUpIsInNobodysWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{free: 3}
		ctx, cancel := context.WithCancel(t.Context())
		large := make(chan bool)
		go func() { large <- p.acquire(ctx, 0, 5, 0) }()
		synctest.Wait()
		small := make(chan bool)
		go func() { small <- p.acquire(t.Context(), 0, 2, 0) }()
		synctest.Wait()
		if n := p.left(0); n != 3 {
			t.Fatalf("the later one overtook: %d are left", n)
		}
		cancel()
		if <-large || !<-small || p.left(0) != 1 {
			t.Fatalf("%d are left", p.left(0))
		}
	})
}

// TestPoolNeverGivesMoreThanItHas for any order of waiting and giving back, and leaves
// nobody waiting for what is there.
func TestPoolNeverGivesMoreThanItHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2, 8).Draw(t, "size")
		p := &pool{free: size}
		var waiting, have []*waiter
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "take") || len(have) == 0 {
				w := &waiter{
					lane: rapid.IntRange(0, 2).Draw(t, "lane"), n: rapid.IntRange(1, size-1).Draw(t, "n"),
					keep: rapid.IntRange(0, 1).Draw(t, "keep"), ready: make(chan struct{}),
				}
				p.add(w)
				waiting = append(waiting, w)
			} else {
				at := rapid.IntRange(0, len(have)-1).Draw(t, "which")
				p.release(have[at].n)
				have = slices.Delete(have, at, at+1)
			}
			waiting = slices.DeleteFunc(waiting, func(w *waiter) bool {
				select {
				case <-w.ready:
					have = append(have, w)
					return true
				default:
					return false
				}
			})
			held := 0
			for _, w := range have {
				held += w.n
			}
			if held+p.left(0) != size || p.left(0) < 0 {
				t.Fatalf("%d are held, %d are left of %d", held, p.left(0), size)
			}
			if len(have) == 0 && len(waiting) > 0 {
				t.Fatalf("%d wait while nothing is held", len(waiting))
			}
		}
	})
}
