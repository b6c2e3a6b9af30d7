package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/storage"
)

const (
	// DefaultKeep is how long the ledger remembers jobs that have ended.
	DefaultKeep = 7 * 24 * time.Hour
	// MinKeep is the least time that makes sense: a queue remembers ids that long.
	MinKeep = 10 * time.Minute
	// DefaultKeepTrail is how long the audit trail is kept.
	DefaultKeepTrail = 90 * 24 * time.Hour
	// DefaultPruneEvery is how often a worker removes the rows of old jobs.
	DefaultPruneEvery = time.Hour
)

// Pruner removes rows of jobs that ended long ago: done, refused and cancelled ones.
// Dead ones stay until somebody has them tried again or drops them.
//
// A row goes when its job ended Keep before the oldest message in the queue was
// published, or before now when there is none. So while a message of a job waits that
// was submitted within Keep of the job's end, the row is there, however long it waits,
// and the job is not done twice.
type Pruner struct {
	Ledger storage.Ledger
	// Queue is the queue whose messages the rows belong to.
	Queue interface {
		// Oldest returns when the first message that the queue holds was published;
		// the zero time when it holds none.
		Oldest(ctx context.Context) (time.Time, error)
	}
	// Keep is how long rows stay: DefaultKeep when 0, for ever when negative, else at
	// least MinKeep.
	Keep time.Duration
	// KeepTrail is how long entries of the audit trail stay: DefaultKeepTrail when 0,
	// for ever when negative.
	KeepTrail time.Duration
	// Every is the pause between two passes; 0 means [DefaultPruneEvery].
	Every time.Duration
	// Report, when not nil, is told after each pass how many rows were removed and what
	// went wrong.
	Report func(removed int64, err error)
}

// Run makes a pass at once and then regularly until ctx ends.
func (p *Pruner) Run(ctx context.Context) {
	every := p.Every
	if every <= 0 {
		every = DefaultPruneEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		n, err := p.Pass(ctx)
		if p.Report != nil && ctx.Err() == nil {
			p.Report(n, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Pass removes what is old enough now and returns how many rows of jobs that were.
func (p *Pruner) Pass(ctx context.Context) (int64, error) {
	n, err := p.pruneJobs(ctx)
	if err == nil {
		err = p.pruneTrail(ctx)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("remove old jobs: %w", err)
	}
	return n, err
}

func (p *Pruner) pruneJobs(ctx context.Context) (int64, error) {
	keep := cmp.Or(p.Keep, DefaultKeep)
	if keep < 0 {
		return 0, nil
	}
	if keep < MinKeep {
		return 0, fmt.Errorf("they must be kept for %s at least, not %s", MinKeep, keep)
	}
	before := time.Now()
	oldest, err := p.Queue.Oldest(ctx)
	if err != nil {
		return 0, err
	}
	if !oldest.IsZero() && oldest.Before(before) {
		before = oldest
	}
	n, err := p.Ledger.Prune(ctx, before.Add(-keep), storage.JobDone, storage.JobRefused, storage.JobCancelled)
	if err == nil {
		_, err = p.Ledger.PruneMarks(ctx, before.Add(-keep))
	}
	return n, err
}

// pruneTrail removes old entries of the audit trail.
func (p *Pruner) pruneTrail(ctx context.Context) error {
	keep := cmp.Or(p.KeepTrail, DefaultKeepTrail)
	if keep < 0 {
		return nil
	}
	_, err := p.Ledger.PruneAudits(ctx, time.Now().Add(-keep))
	return err
}
