package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// foreign is a queue whose messages somebody else takes out and publishes anew, without
// telling where they were first, so that workers see the same saves in different orders.
// It hands each to the worker that has it wait, if one does.
type foreign struct {
	*bench
	workers  []*jobs.Executor
	fails    map[string]int // how often jobs are to fail
	messages []*foreignMessage
	sequence uint64
}

type foreignMessage struct {
	jobs.Delivery
	at     time.Time
	worker int
}

func newForeign(workers int) *foreign {
	f := &foreign{bench: newBench(), fails: make(map[string]int)}
	cfg := f.Config
	cfg.Saver, cfg.RetryMax = f, 4*time.Second
	for range workers {
		f.workers = append(f.workers, jobs.NewExecutor(cfg))
	}
	return f
}

func (f *foreign) SaveJobs(ctx context.Context, model string, js []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	for _, j := range js {
		if f.fails[j.Row.Text] > 0 {
			f.fails[j.Row.Text]--
			return nil, errors.New("no")
		}
	}
	return f.bench.SaveJobs(ctx, model, js)
}

// submit publishes a save of resources, which fails at a worker first.
func (f *foreign) submit(worker, fails int, resources ...string) *foreignMessage {
	m := &foreignMessage{worker: worker}
	m.MessageID = fmt.Sprintf("job%d", len(f.messages))
	for i, r := range resources {
		m.Body = fmt.Appendf(m.Body, "%s%s", map[bool]string{true: ","}[i > 0], upsertOf(r))
	}
	m.Body = fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"m","args":{"operations":[%s]}}`, m.Body)
	f.fails[m.MessageID] = fails
	f.messages = append(f.messages, m)
	f.publish(m)
	return m
}

func upsertOf(r string) string { return fmt.Sprintf(`{"op":"upsert","resource_id":%q,"data":{}}`, r) }

// publish gives a message a new place.
func (f *foreign) publish(m *foreignMessage) {
	f.sequence++
	m.Epoch, m.Sequence, m.Number = 7, f.sequence, 0
	m.Published = time.Now()
	time.Sleep(time.Millisecond)
}

// step delivers the message whose time comes first and returns its verdict; nil when
// there is none.
func (f *foreign) step(t *testing.T) (*foreignMessage, jobs.Verdict) {
	var next *foreignMessage
	for _, m := range f.messages {
		if next == nil || m.at.Before(next.at) {
			next = m
		}
	}
	time.Sleep(time.Until(next.at))
	next.Number++
	v := f.workers[next.worker].Execute(t.Context(), []jobs.Delivery{next.Delivery})[0]
	switch {
	case v.Action == jobs.ActionAck && v.State == storage.JobDone:
		next.at = time.Now().Add(24 * time.Hour)
	case v.Action != jobs.ActionRetry:
		t.Fatalf("%+v", v)
	default:
		next.at = time.Now().Add(v.After)
		if v.Code != jobs.CodeOrder { // what it waits for is behind it there
			next.worker = (next.worker + 1) % len(f.workers)
		}
	}
	return next, v
}

// run delivers until all jobs are done and returns how long that took.
func (f *foreign) run(t *testing.T, again func() bool) time.Duration {
	begun, left := time.Now(), len(f.messages)
	for left > 0 {
		m, v := f.step(t)
		if v.State == storage.JobDone {
			left--
		} else if again() {
			f.publish(m)
		}
		if time.Since(begun) > time.Hour {
			t.Fatalf("%d saves wait for each other", left)
		}
	}
	return time.Since(begun)
}

// TestSavesOfForeignMessagesWaitAMinute: two that wait for each other, at one worker each,
// do so until what they wait for has not come there for a minute.
func TestSavesOfForeignMessagesWaitAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newForeign(2)
		first := f.submit(0, 1, "r")
		f.submit(1, 1, "r")
		f.step(t)
		f.step(t) // both have failed
		f.publish(first)
		took := f.run(t, func() bool { return false })
		if took < 55*time.Second || took > 70*time.Second {
			t.Fatalf("it took %s", took)
		}
	})
}

// TestSavesOfForeignMessagesDoNotWaitForEver: a save that is first in the line of a worker
// is tried when it comes there, or is forgotten a minute later; so the line moves.
func TestSavesOfForeignMessagesDoNotWaitForEver(t *testing.T) {
	longest := time.Duration(0)
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			f := newForeign(2 + r.IntN(3))
			n := 2 + r.IntN(6)
			for range n {
				resources := []string{fmt.Sprint("r", r.IntN(3))}
				if r.IntN(2) == 0 {
					resources = append(resources, fmt.Sprint("s", r.IntN(3)))
				}
				f.submit(r.IntN(len(f.workers)), r.IntN(4), resources...)
			}
			took := f.run(t, func() bool { return r.IntN(4) == 0 })
			if longest = max(longest, took); took > time.Duration(n)*70*time.Second {
				t.Fatalf("seed %d: %d saves took %s", seed, n, took)
			}
		})
	}
	t.Logf("the longest took %s", longest)
}
