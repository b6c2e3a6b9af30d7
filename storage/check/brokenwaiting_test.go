package check

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func brokenWaitings() map[string]broken {
	return map[string]broken{
		"forgets what waits anew": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return hasty{l} }),
			caught: []string{"G30/published_leaves_a_job_that_waits_anew"},
		},
		"parks whatever it is given": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return parksAll{l} }),
			caught: []string{"G30/park_leaves_ended_and_leased_jobs"},
		},
		"jobs are due at once": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return early{l} }),
			caught: []string{"G30/job_is_due_at_its_time", "G30/park_has_a_job_wait"},
		},
		"every queued job waits": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return crowded{l} }),
			caught: []string{"G30/jobs_that_wait_are_counted"},
		},
		"looks for unique keys before it inserts": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return &looksFirst{Ledger: l, keys: map[string]storage.Job{}} }),
			caught: []string{"G31/racing_jobs_of_one_key_have_one_winner"},
		},
		"knows no unique keys": {
			open: withLedger(func(l storage.Ledger) storage.Ledger { return keyless{l} }),
			caught: []string{
				"G31/unique_key_is_taken_until_the_end", "G31/unique_key_bars_claim_and_retry", "G31/racing_jobs_of_one_key_have_one_winner",
			},
		},
	}
}

// hasty records places of messages whatever the job waits for.
type hasty struct{ storage.Ledger }

func (l hasty) Published(ctx context.Context, queue uuid.UUID, places []storage.Place) error {
	for _, p := range places {
		if row, err := l.Get(ctx, p.Job); err == nil {
			p.NotBefore = row.NotBefore
		}
		if err := l.Ledger.Published(ctx, queue, []storage.Place{p}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// parksAll parks jobs of other content too.
type parksAll struct{ storage.Ledger }

func (l parksAll) Park(ctx context.Context, jobs []storage.Job) ([]storage.Job, error) {
	all := make([]storage.Job, len(jobs))
	for i, j := range jobs {
		j.EnvelopeHash = nil
		all[i] = j
	}
	return l.Ledger.Park(ctx, all)
}

// crowded counts jobs that need not wait, too.
type crowded struct{ storage.Ledger }

func (l crowded) Waiting(ctx context.Context) (int64, error) {
	counts, err := l.Count(ctx, storage.JobQueued)
	return counts[storage.JobQueued], err
}

// early finds whatever waits.
type early struct{ storage.Ledger }

func (l early) Due(ctx context.Context, limit int) ([]storage.Job, error) {
	var due []storage.Job
	for j, err := range l.List(ctx, storage.JobFilter{States: []storage.JobState{storage.JobQueued}}) {
		if err != nil {
			return nil, err
		}
		if !j.NotBefore.IsZero() && len(due) < limit {
			due = append(due, j)
		}
	}
	return due, ctx.Err()
}

// keyless takes jobs whatever their keys.
type keyless struct{ storage.Ledger }

func (l keyless) Insert(ctx context.Context, jobs []storage.Job) ([]bool, error) {
	return l.Ledger.Insert(ctx, withoutKeys(jobs))
}

func (l keyless) Claim(ctx context.Context, j storage.Job, lease time.Duration) (storage.Job, storage.Claim, error) {
	return l.Ledger.Claim(ctx, withoutKeys([]storage.Job{j})[0], lease)
}

func withoutKeys(jobs []storage.Job) []storage.Job {
	all := make([]storage.Job, len(jobs))
	for i, j := range jobs {
		j.Unique = ""
		all[i] = j
	}
	return all
}

// looksFirst asks who has a key, and then inserts.
type looksFirst struct {
	storage.Ledger
	mu   sync.Mutex
	keys map[string]storage.Job
}

// holder returns the job that has a key.
func (l *looksFirst) holder(ctx context.Context, key string) (storage.Job, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j, found := l.keys[key]
	if row, err := l.Get(ctx, j.ID); !found || err != nil || row.State.Final() {
		return storage.Job{}, false
	}
	return j, true
}

func (l *looksFirst) Insert(ctx context.Context, jobs []storage.Job) ([]bool, error) {
	if len(jobs) != 1 || jobs[0].Unique == "" {
		return l.Ledger.Insert(ctx, jobs)
	}
	j := jobs[0]
	if other, found := l.holder(ctx, j.Unique); found && other.ID != j.ID {
		return nil, fmt.Errorf("insert: %w", &storage.JobExistsError{Job: other.ID, ID: other.Text, Unique: j.Unique})
	}
	time.Sleep(10 * time.Millisecond)
	l.mu.Lock()
	l.keys[j.Unique] = j
	l.mu.Unlock()
	return l.Ledger.Insert(ctx, withoutKeys(jobs))
}
