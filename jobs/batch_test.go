package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// running is batches that run at the same time.
type running struct {
	t        *testing.T
	wg       sync.WaitGroup
	mu       sync.Mutex
	verdicts map[string][]jobs.Verdict
}

// begin opens deliveries as a batch, which is run beside others and closed.
func (r *running) begin(x *jobs.Executor, name string, ds ...jobs.Delivery) {
	b := x.Open(ds)
	r.wg.Go(func() {
		defer b.Close()
		vs := b.Run(r.t.Context())
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.verdicts == nil {
			r.verdicts = make(map[string][]jobs.Verdict)
		}
		r.verdicts[name] = vs
	})
}

// expect waits for all batches and checks what became of each.
func (r *running) expect(want map[string][]string) {
	r.t.Helper()
	r.wg.Wait()
	for name, actionsOf := range want {
		if got := actions(r.verdicts[name]); !slices.Equal(got, actionsOf) {
			r.t.Errorf("batch %s: %v, want %v: %+v", name, got, actionsOf, r.verdicts[name])
		}
	}
}

func TestBatchesRunBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		r, began := &running{t: t}, time.Now()
		r.begin(x, "1", upsert("a", 1, 1))
		r.begin(x, "2", upsert("b", 1, 1))
		r.expect(map[string][]string{"1": {"ack"}, "2": {"ack"}})
		if took := time.Since(began); took != time.Second {
			t.Errorf("two units of a second took %v: %v", took, s.noted)
		}
	})
}

// TestABatchWaitsForTheResourcesOfTheOneBefore: what has none of them does not.
func TestABatchWaitsForTheResourcesOfTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		r := &running{t: t}
		r.begin(x, "1", upsert("a", 1, 1))
		r.begin(x, "2", upsert("b", 1, 1), upsert("a", 2, 1), upsert("c", 1, 1))
		r.begin(x, "3", upsert("a", 3, 1))
		r.expect(map[string][]string{"1": {"ack"}, "2": {"ack", "ack", "ack"}, "3": {"ack"}})
		slices.Sort(s.noted[:2])
		if want := []string{"+a", "+b"}; !slices.Equal(s.noted[:2], want) {
			t.Errorf("at first %v ran: %v", s.noted[:2], s.noted)
		}
		ofA := slices.DeleteFunc(slices.Clone(s.noted), func(n string) bool { return n[1:] != "a" })
		if want := []string{"+a", "-a", "+a", "-a", "+a", "-a"}; !slices.Equal(ofA, want) {
			t.Errorf("saves of a resource ran at the same time: %v", s.noted)
		}
	})
}

// TestABatchGoesOnWhenTheOneBeforeIsClosed: until then its messages may still have to wait
// for the store.
func TestABatchGoesOnWhenTheOneBeforeIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		first := x.Open([]jobs.Delivery{upsert("a", 1, 1)})
		first.Run(t.Context())
		r := &running{t: t}
		r.begin(x, "2", upsert("a", 2, 1))
		time.Sleep(time.Minute)
		if len(s.noted) != 2 {
			t.Fatalf("the second save did not wait: %v", s.noted)
		}
		first.Close()
		r.expect(map[string][]string{"2": {"ack"}})
	})
}

// TestWhatWaitsForTheStoreIsNotOvertaken by the next batch, though the store is back.
func TestWhatWaitsForTheStoreIsNotOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		var back atomic.Bool
		s.fault = func(string) error {
			if !back.Swap(true) {
				return storage.ErrUnavailable
			}
			return nil
		}
		r := &running{t: t}
		r.begin(x, "1", upsert("a", 1, 1))
		time.Sleep(time.Millisecond)
		r.begin(x, "2", upsert("b", 1, 1), upsert("a", 2, 1), upsert("a", 3, 1))
		r.expect(map[string][]string{"1": {"pause"}, "2": {"ack", "pause", "pause"}})
		if v := r.verdicts["2"][2]; v.Code != jobs.CodeUnavailable || v.Attempt != 0 || v.Err == nil {
			t.Errorf("%+v", v)
		}
		r.begin(x, "again", upsert("a", 1, 1), upsert("a", 2, 1), upsert("a", 3, 1))
		r.expect(map[string][]string{"again": {"ack", "ack", "ack"}})
	})
}

func TestASaveThatIsTriedAgainIsNotOvertakenByTheNextBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		s.fault = func(first string) error {
			if first == "a" {
				return errors.New("no")
			}
			return nil
		}
		r := &running{t: t}
		r.begin(x, "1", upsert("a", 1, 1))
		r.begin(x, "2", upsert("a", 2, 1), upsert("b", 1, 1))
		r.expect(map[string][]string{"1": {"retry"}, "2": {"retry", "ack"}})
		if v := r.verdicts["2"][0]; v.Code != jobs.CodeOrder || v.Attempt != 0 {
			t.Errorf("the later save: %+v", v)
		}
	})
}

// TestTwinsInTwoBatches: the second message of a job finds its row. A message with other
// content under its id is told so, whatever resource it names.
func TestTwinsInTwoBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		again, other := save("a", 2), save("z", 1)
		other.MessageID = "job-a"
		r := &running{t: t}
		r.begin(x, "1", save("a", 1))
		r.begin(x, "2", again, other)
		r.expect(map[string][]string{"1": {"ack"}, "2": {"ack", "bury"}})
		if v := r.verdicts["2"][0]; !v.Repeated || v.Attempt > 1 {
			t.Errorf("the second message: %+v, units %v", v, s.noted)
		}
	})
}

// TestNothingOvertakesAContentThatIsToBeFetched: what it touches is not known before.
func TestNothingOvertakesAContentThatIsToBeFetched(t *testing.T) {
	b, c, _ := withContents(t)
	first := b.Open([]jobs.Delivery{checked(t, c, large("a"))})
	second := b.Open([]jobs.Delivery{save("other", 1)})
	ended := make(chan []jobs.Verdict)
	go func() { ended <- second.Run(t.Context()) }()
	select {
	case vs := <-ended:
		t.Fatalf("it was overtaken: %+v", vs)
	case <-time.After(50 * time.Millisecond):
	}
	vs := first.Run(t.Context())
	first.Close()
	vs = append(vs, <-ended...)
	second.Close()
	if !slices.Equal(actions(vs), []string{"ack", "ack"}) {
		t.Fatalf("%+v", vs)
	}
}

// TestLanesDoNotWaitForEachOther, though they name one resource.
func TestLanesDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		high, bulk := upsert("a", 1, 1), upsert("a", 2, 1)
		high.Subject, bulk.Subject = "specstar.t.jobs.high.save", "specstar.t.jobs.bulk.save"
		r, began := &running{t: t}, time.Now()
		r.begin(x, "bulk", bulk)
		r.begin(x, "high", high)
		r.expect(map[string][]string{"bulk": {"ack"}, "high": {"ack"}})
		if took := time.Since(began); took != time.Second {
			t.Errorf("two units of a second took %v: %v", took, s.noted)
		}
	})
}

// TestABatchThatWaitsIsGivenBack when its worker ends.
func TestABatchThatWaitsIsGivenBack(t *testing.T) {
	x, s := slowExecutor()
	first, second := x.Open([]jobs.Delivery{upsert("a", 1, 1)}), x.Open([]jobs.Delivery{upsert("a", 2, 1)})
	defer first.Close()
	defer second.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := second.Run(ctx)[0]
	if v.Action != jobs.ActionRetry || v.After != 0 || v.Code != jobs.CodeShutdown || v.Attempt != 0 || len(s.noted) != 0 {
		t.Fatalf("%+v, units %v", v, s.noted)
	}
}

// TestUnitsAtOnceAreBoundedOverBatches of a lane.
func TestUnitsAtOnceAreBoundedOverBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		r, began := &running{t: t}, time.Now()
		r.begin(x, "1", bulk("a"), bulk("b"))
		for i := range 4 {
			r.begin(x, fmt.Sprint(i), bulk(fmt.Sprint(i)))
		}
		r.wg.Wait()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("six units of a second took %v, three at a time: %v", took, s.noted)
		}
	})
}
