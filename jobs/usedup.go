package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// usedUp ends a task of which more attempts are counted than it has, though nobody saw
// the last one fail: its worker died, or an outage ended it and the worker has not taken
// it back yet. So it is doubted once.
func (x *Executor) usedUp(ctx context.Context, t *task, row storage.Job) {
	err := errors.New("the worker ended before the job did, or the job was handed back, each time")
	if row.ErrorMessage != "" {
		err = errors.New(row.ErrorMessage)
	}
	if row.ErrorCode == CodeAttempts {
		x.kill(ctx, t, CodeAttempts, err)
		return
	}
	x.refund(ctx, []*task{t})
	x.doubt(ctx, t, err)
}

// doubt has a job wait in the ledger that would be given up for its attempts, until a
// worker which reaches the store has taken back those that an outage counted: it does so
// within seconds, and a lease is ample. The row tells that the job was doubted. The
// present attempt is no longer counted.
func (x *Executor) doubt(ctx context.Context, t *task, err error) {
	x.comesAgain(t, x.Lease, CodeAttempts, err)
	row := t.waiting(time.Now().Add(x.Lease), CodeAttempts, err)
	if perr := x.park(ctx, []*task{t}, []storage.Job{row}); ending(ctx, perr) != nil {
		x.failAll(ctx, []*task{t}, perr)
	}
}
