package consumer

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/jobs"
)

const (
	// maxSleep is the longest that a message sleeps in the queue.
	maxSleep = 30 * time.Second
	// sleepShare is which part of the unacknowledged messages of a durable consumer may
	// sleep for one process: the server hands out no others once all sleep, and sixty
	// processes leave it some.
	sleepShare = 64
)

// sleepers are the messages that one loop handed back to come again later. They count as
// unacknowledged at the server until they do.
type sleepers struct {
	mu    sync.Mutex
	most  int
	wakes []time.Time // ascending
}

// bind sets how many may sleep, by how many may be unacknowledged; 0 or less for any.
func (s *sleepers) bind(pending int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pending <= 0 {
		pending = savesPending
	}
	s.most = max(pending/sleepShare, 1)
}

// add notes a message that sleeps for d and reports whether it may.
func (s *sleepers) add(now time.Time, d time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	awake, _ := slices.BinarySearchFunc(s.wakes, now.Add(1), time.Time.Compare)
	s.wakes = slices.Delete(s.wakes, 0, awake)
	if d > maxSleep || len(s.wakes) >= max(s.most, 1) {
		return false
	}
	at, _ := slices.BinarySearchFunc(s.wakes, now.Add(d), time.Time.Compare)
	s.wakes = slices.Insert(s.wakes, at, now.Add(d))
	return true
}

// park has those jobs wait in the ledger whose messages would sleep for long, or would
// be too many, and changes their verdicts. Others sleep for maxSleep at most.
func (l *loop) park(ctx context.Context, deliveries []jobs.Delivery, verdicts []jobs.Verdict) {
	var places []int
	var ds []jobs.Delivery
	var vs []jobs.Verdict
	now := time.Now()
	for i, v := range verdicts {
		if v.Action == jobs.ActionRetry && v.After > 0 && !l.sleepers.add(now, v.After) && v.Waits() {
			places, ds, vs = append(places, i), append(ds, deliveries[i]), append(vs, v)
		}
	}
	for i, v := range l.parked(ctx, ds, vs) {
		verdicts[places[i]] = v
	}
	for i := range verdicts {
		verdicts[i].After = min(verdicts[i].After, maxSleep)
	}
}

// parked asks the executor and survives its panics: then the verdicts stay as they are.
func (l *loop) parked(ctx context.Context, ds []jobs.Delivery, vs []jobs.Verdict) (answers []jobs.Verdict) {
	if len(ds) == 0 {
		return nil
	}
	err := caught.Call(func() error {
		answers = l.cfg.Executor.Park(ctx, ds, vs)
		return nil
	})
	if err != nil {
		l.log.Error("jobs could not be made to wait in the ledger, messages are handed back", zap.Error(err))
	}
	return answers
}
