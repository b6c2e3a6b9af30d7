package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// oldest is a queue whose first message is of that time.
type oldest struct {
	at  time.Time
	err error
}

func (o oldest) Oldest(context.Context) (time.Time, error) { return o.at, o.err }

func TestPrunerKeepsWhatAMessageMayBelongTo(t *testing.T) {
	const day = 24 * time.Hour
	ages := []time.Duration{time.Hour, 6 * day, 8 * day, 20 * day}
	states := []storage.JobState{storage.JobDone, storage.JobRefused, storage.JobCancelled, storage.JobDead, storage.JobQueued}
	fill := func() storage.Ledger {
		l := memory.New().Ledger()
		var rows []storage.Job
		for _, age := range ages {
			for _, s := range states {
				at := time.Now().Add(-age)
				rows = append(rows, storage.Job{ID: uuid.New(), Kind: "save", State: s, Created: at.Add(-time.Minute), Finished: at})
			}
		}
		if _, err := l.Insert(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		return l
	}
	broken := errors.New("no answer")
	for name, c := range map[string]struct {
		queue oldest
		keep  time.Duration
		want  int64
		fails bool
	}{
		"an empty queue":            {want: 6},
		"new messages":              {queue: oldest{at: time.Now().Add(-time.Minute)}, want: 6},
		"a message of ten days ago": {queue: oldest{at: time.Now().Add(-10 * day)}, want: 3},
		"a message of a year ago":   {queue: oldest{at: time.Now().Add(-365 * day)}, want: 0},
		"a clock that is ahead":     {queue: oldest{at: time.Now().Add(day)}, want: 6},
		"a shorter time":            {keep: 2 * day, want: 9},
		"too short a time":          {keep: time.Second, fails: true},
		"a queue that is down":      {queue: oldest{err: broken}, fails: true},
	} {
		l := fill()
		n, err := (&jobs.Pruner{Ledger: l, Queue: c.queue, Keep: c.keep}).Pass(t.Context())
		if n != c.want || (err != nil) != c.fails || c.queue.err != nil && !errors.Is(err, broken) {
			t.Errorf("%s: %d rows went (%v), want %d", name, n, err, c.want)
		}
		counts, err := l.Count(t.Context())
		if err != nil || counts[storage.JobDead] != int64(len(ages)) || counts[storage.JobQueued] != int64(len(ages)) {
			t.Errorf("%s: left are %v (%v)", name, counts, err)
		}
	}
}

func TestPrunerRunsUntilItIsStopped(t *testing.T) {
	l := memory.New().Ledger()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	passes := make(chan error)
	p := jobs.Pruner{Ledger: l, Queue: oldest{}, Every: time.Millisecond, Report: func(_ int64, err error) { passes <- err }}
	ended := make(chan struct{})
	go func() { p.Run(ctx); close(ended) }()
	for range 3 {
		if err := <-passes; err != nil {
			t.Error(err)
		}
	}
	cancel()
	for {
		select {
		case <-passes:
		case <-ended:
			return
		case <-time.After(10 * time.Second):
			t.Fatal("it goes on")
		}
	}
}

func TestPrunerKeepsTheTrailLonger(t *testing.T) {
	l := memory.New().Ledger()
	job := storage.Job{ID: uuid.New(), Kind: "save", State: storage.JobDead}
	if err := l.Settle(t.Context(), []storage.Job{job}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Act(t.Context(), storage.Act{Verb: storage.VerbRetry, Job: job.ID, By: "alice"}); err != nil {
		t.Fatal(err)
	}
	entries := func() (n int) {
		for _, err := range l.Audits(t.Context(), storage.AuditFilter{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	for keep, want := range map[time.Duration]int{0: 1, -1: 1, time.Hour: 1} {
		if _, err := (&jobs.Pruner{Ledger: l, Queue: oldest{}, KeepTrail: keep}).Pass(t.Context()); err != nil || entries() != want {
			t.Errorf("after a pass that keeps it for %v: %d entries, %v", keep, entries(), err)
		}
	}
	time.Sleep(2 * time.Millisecond)
	if _, err := (&jobs.Pruner{Ledger: l, Queue: oldest{}, Keep: -1, KeepTrail: time.Millisecond}).Pass(t.Context()); err != nil || entries() != 0 {
		t.Errorf("an old entry stays: %d, %v", entries(), err)
	}
}
