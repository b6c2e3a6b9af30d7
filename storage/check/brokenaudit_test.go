package check

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/specstar-worker/worker/storage"
)

func brokenAudits() map[string]broken {
	return map[string]broken{
		"writes acts down before they are done": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return &apartTrail{Ledger: l, first: true} }),
			caught: []string{"G40/failed_act_leaves_nothing", "G40/racing_acts_have_one_winner"},
		},
		"writes down only what was done": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return &apartTrail{Ledger: l} }),
			caught: []string{"G40/refused_act_is_written_down"},
		},
		"has a trail that goes with the job": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return mortal{l} }),
			caught: []string{"G40/act_and_entry_are_one", "G40/trail_outlives_the_job"},
		},
		"lists the whole trail": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return wholeTrail{l} }),
			caught: []string{"G40/trail_is_listed_by_filters"},
		},
		"keeps the trail for ever": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return packrat{l} }),
			caught: []string{"G40/trail_is_pruned_by_age"},
		},
	}
}

// apartTrail writes the trail apart from the acts: before them, whatever becomes of
// them, or after those that were done.
type apartTrail struct {
	storage.Ledger
	first bool
	mu    sync.Mutex
	trail []storage.Audit
}

func (l *apartTrail) Act(ctx context.Context, a storage.Act) (storage.Job, error) {
	was, _ := l.Get(context.WithoutCancel(ctx), a.Job)
	entry := a.Entry(was, time.Now())
	add := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.trail = append(l.trail, entry)
	}
	if l.first {
		add()
	}
	job, err := l.Ledger.Act(ctx, a)
	if entry.Is = job.State; !l.first && err == nil {
		add()
	}
	return job, err
}

func (l *apartTrail) Audits(_ context.Context, f storage.AuditFilter) iter.Seq2[storage.Audit, error] {
	return func(yield func(storage.Audit, error) bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for i := len(l.trail) - 1; i >= 0; i-- {
			if f.Selects(l.trail[i]) && !yield(l.trail[i], nil) {
				return
			}
		}
	}
}

// mortal has no entries of jobs that are not there.
type mortal struct{ storage.Ledger }

func (l mortal) Audits(ctx context.Context, f storage.AuditFilter) iter.Seq2[storage.Audit, error] {
	return func(yield func(storage.Audit, error) bool) {
		for a, err := range l.Ledger.Audits(ctx, f) {
			if _, gone := l.Get(ctx, a.Job); gone == nil && !yield(a, err) {
				return
			}
		}
	}
}

// wholeTrail filters by jobs only.
type wholeTrail struct{ storage.Ledger }

func (l wholeTrail) Audits(ctx context.Context, f storage.AuditFilter) iter.Seq2[storage.Audit, error] {
	return l.Ledger.Audits(ctx, storage.AuditFilter{Job: f.Job})
}

// packrat prunes nothing.
type packrat struct{ storage.Ledger }

func (packrat) PruneAudits(ctx context.Context, _ time.Time) (int64, error) { return 0, ctx.Err() }
