package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// heartbeat keeps the claim of one long job alive, and ends the job's context when
// the claim is lost or the job cancelled. Its message is the consumer's concern.
type heartbeat struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	done   chan struct{}

	mu   sync.Mutex
	last storage.Progress
	seen time.Time // when the body last gave a sign of life
	from int64     // how far former attempts came

	started time.Time // when the attempt was claimed, which tells it from others

	limit time.Duration // how long the attempt may take; 0: as long as it lives

	advanced bool // this attempt came further and is not counted; see stop
}

// How often progress is recorded, which is a write, and the wish to cancel looked
// up, which is none; a third of the lease when that is shorter.
const (
	beatEvery = time.Second
	lookEvery = 200 * time.Millisecond
)

// startHeartbeat beats for a claimed row until stop, at least three times in each lease,
// for limit at most when that is not 0.
func (x *Executor) startHeartbeat(ctx context.Context, c storage.Claim, row storage.Job, limit time.Duration) *heartbeat {
	h := &heartbeat{done: make(chan struct{}), from: row.Done, started: row.Started, seen: time.Now(), limit: limit}
	h.ctx, h.cancel = context.WithCancelCause(ctx)
	go func() {
		defer close(h.done)
		if err := guard(func() error { h.run(x, c); return nil }); err != nil {
			h.cancel(err)
		}
	}()
	return h
}

func (h *heartbeat) run(x *Executor, c storage.Claim) {
	every := min(x.Lease/3, beatEvery)
	tick := time.NewTicker(min(every, lookEvery))
	defer tick.Stop()
	began := time.Now()
	beaten, until := began, began.Add(x.Lease)
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-tick.C:
		}
		if h.silence() > x.StallTimeout {
			h.cancel(errStalled) // without beats the lease ends, if it cannot be released
			return
		}
		if h.limit > 0 && time.Since(began) > h.limit {
			h.cancel(errTimeout)
			return
		}
		if time.Since(beaten) < every {
			// A look that fails is no matter: the next beat tells.
			if job, err := x.Ledger.Get(h.ctx, c.Job); err == nil && job.Cancel {
				h.cancel(errCancelled)
			}
			continue
		}
		beaten = time.Now()
		p := h.progressed()
		job, err := x.Ledger.Renew(h.ctx, c, x.Lease, p)
		if err == nil && p.Done > h.from && !h.advanced && h.limit == 0 {
			// An attempt that gets further is not counted: a large job outlives many
			// workers. One with a limit is, or it would never use its attempts up. When
			// this fails the attempt stays counted.
			h.advanced = x.Ledger.Refund(h.ctx, []uuid.UUID{c.Job}) == nil
		}
		switch {
		case errors.Is(err, storage.ErrFenced):
			h.cancel(storage.ErrFenced)
		case err != nil && time.Now().After(until):
			h.overdue(x, c)
		case err == nil && job.Cancel:
			h.cancel(errCancelled)
		case err == nil:
			until = time.Now().Add(x.Lease)
		}
	}
}

// overdue decides what becomes of a claim that was not renewed in time. A ledger that has
// one writer, or locks the row, takes no renewal while this very job publishes what it
// loaded. Then its lease is over and its claim is not: what is written under it asks for
// its token. So the work goes on while the ledger can be read and nobody else has the job.
func (h *heartbeat) overdue(x *Executor, c storage.Claim) {
	switch job, err := x.Ledger.Get(h.ctx, c.Job); {
	case err != nil:
		h.cancel(storage.ErrUnavailable)
	case job.State.Final(): // perhaps by this job: the next renewal tells
	case job.State != storage.JobRunning, !sameMoment(job.Started, h.started):
		h.cancel(storage.ErrFenced)
	case job.Cancel:
		h.cancel(errCancelled)
	}
}

// sameMoment compares times of which a ledger keeps microseconds.
func sameMoment(a, b time.Time) bool {
	return a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}

// progress takes note of how far the job is; the next beat records it. A call
// without news is a sign of life as well.
func (h *heartbeat) progress(p storage.Progress) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last, h.seen = p, time.Now()
}

// silence returns how long the body has given no sign of life.
func (h *heartbeat) silence() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.seen)
}

func (h *heartbeat) progressed() storage.Progress {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.last
	p.Done = max(p.Done, h.from) // a resumed job counts from the start again
	return p
}

// stop ends the beats and returns why the job's context had ended before, nil
// when it had not. Then advanced may be read.
func (h *heartbeat) stop() error {
	cause := context.Cause(h.ctx)
	h.cancel(nil)
	<-h.done
	return cause
}
