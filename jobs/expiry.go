package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// expired reports whether a job that was never started may no longer be.
func (o Options) expired(now time.Time) bool { return !o.Expires.IsZero() && now.After(o.Expires) }

// expire ends a job that was not started in time, and reports false when it was, or when
// somebody had it tried again all the same: then it goes on. The ledger tells; of a save
// that has no row no attempt took effect.
func (x *Executor) expire(ctx context.Context, t *task) bool {
	row, err := x.Ledger.Get(ctx, t.row.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		x.killExpired(ctx, t)
	case err != nil:
		x.failAll(ctx, []*task{t}, err)
	case differ(row, t.row):
		x.differs(ctx, t)
	case row.State.Final():
		t.ended(row)
	case row.State == storage.JobRunning || row.Attempt > 0:
		return false
	default:
		return x.expireUnlessRetried(ctx, t)
	}
	return true
}

// expireUnlessRetried is expire for a job that waits.
func (x *Executor) expireUnlessRetried(ctx context.Context, t *task) bool {
	retried, err := x.retriedLate(ctx, t)
	switch {
	case err != nil:
		x.failAll(ctx, []*task{t}, err)
	case retried:
		return false
	default:
		x.killExpired(ctx, t)
	}
	return true
}

func (x *Executor) killExpired(ctx context.Context, t *task) {
	x.kill(ctx, t, CodeExpired, fmt.Errorf("it was to be started until %s", t.env.Expires.Format(time.RFC3339)))
}

// retriedLate reports whether somebody had the job tried again although its time was
// over. The audit trail says so, in the transaction that did it; the message stays as it
// was submitted, since its hash is the job's.
func (x *Executor) retriedLate(ctx context.Context, t *task) (bool, error) {
	for a, err := range x.Ledger.Audits(ctx, storage.AuditFilter{Job: t.row.ID, Verb: storage.VerbRetry}) {
		if err != nil {
			return false, fmt.Errorf("look whether job %s was tried again: %w", t.row.Text, err)
		}
		// The code counts, too: the store's clock may be behind that of the worker.
		if a.Code == "" && (a.ErrorCode == CodeExpired || a.At.After(t.env.Expires)) {
			return true, nil
		}
	}
	return false, nil
}
