package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// ledgerPatience is how long one call of the ledger may take, at most half a lease.
// Behind a connection that swallows everything it would take for ever.
const ledgerPatience = 30 * time.Second

// patient is a ledger whose calls by the executor end in time: one that takes too
// long says that the store is unavailable.
type patient struct {
	storage.Ledger
	most time.Duration
}

// soon makes a call that has to end in time.
func soon[T any](ctx context.Context, p patient, call func(context.Context) (T, error)) (T, error) {
	timed, cancel := context.WithTimeout(ctx, p.most)
	defer cancel()
	v, err := call(timed)
	if err != nil && timed.Err() != nil && ctx.Err() == nil && !errors.Is(err, storage.ErrUnavailable) {
		err = fmt.Errorf("no answer within %s: %w: %w", p.most, storage.ErrUnavailable, err)
	}
	return v, err
}

// soonDone is soon for a call without a result.
func soonDone(ctx context.Context, p patient, call func(context.Context) error) error {
	_, err := soon(ctx, p, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}

// Get implements [storage.Ledger].
func (p patient) Get(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return soon(ctx, p, func(ctx context.Context) (storage.Job, error) { return p.Ledger.Get(ctx, id) })
}

// claimed is what Ledger.Claim returns.
type claimed struct {
	job   storage.Job
	claim storage.Claim
}

// Claim implements [storage.Ledger].
func (p patient) Claim(ctx context.Context, j storage.Job, lease time.Duration) (storage.Job, storage.Claim, error) {
	c, err := soon(ctx, p, func(ctx context.Context) (c claimed, err error) {
		c.job, c.claim, err = p.Ledger.Claim(ctx, j, lease)
		return c, err
	})
	return c.job, c.claim, err
}

// Renew implements [storage.Ledger].
func (p patient) Renew(ctx context.Context, c storage.Claim, lease time.Duration, at storage.Progress) (storage.Job, error) {
	return soon(ctx, p, func(ctx context.Context) (storage.Job, error) { return p.Ledger.Renew(ctx, c, lease, at) })
}

// Finish implements [storage.Ledger].
func (p patient) Finish(ctx context.Context, c storage.Claim, f storage.Final) error {
	return soonDone(ctx, p, func(ctx context.Context) error { return p.Ledger.Finish(ctx, c, f) })
}

// Release implements [storage.Ledger].
func (p patient) Release(ctx context.Context, c storage.Claim, refund bool, code, message string) error {
	return soonDone(ctx, p, func(ctx context.Context) error { return p.Ledger.Release(ctx, c, refund, code, message) })
}

// Suspend implements [storage.Ledger].
func (p patient) Suspend(ctx context.Context, c storage.Claim, until time.Time, plan *storage.Plan, done storage.Progress) error {
	return soonDone(ctx, p, func(ctx context.Context) error { return p.Ledger.Suspend(ctx, c, until, plan, done) })
}

// Plan implements [storage.Ledger].
func (p patient) Plan(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return soon(ctx, p, func(ctx context.Context) (storage.Plan, error) { return p.Ledger.Plan(ctx, job) })
}

// Outline implements [storage.Ledger].
func (p patient) Outline(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return soon(ctx, p, func(ctx context.Context) (storage.Plan, error) { return p.Ledger.Outline(ctx, job) })
}

// woken is what Ledger.Wake returns.
type woken struct {
	job       storage.Job
	suspended bool
}

// Wake implements [storage.Ledger].
func (p patient) Wake(ctx context.Context, job uuid.UUID) (storage.Job, bool, error) {
	w, err := soon(ctx, p, func(ctx context.Context) (w woken, err error) {
		w.job, w.suspended, err = p.Ledger.Wake(ctx, job)
		return w, err
	})
	return w.job, w.suspended, err
}

// CountChunks implements [storage.Ledger].
func (p patient) CountChunks(ctx context.Context, job uuid.UUID) (int, error) {
	return soon(ctx, p, func(ctx context.Context) (int, error) { return p.Ledger.CountChunks(ctx, job) })
}

// Attempt implements [storage.Ledger].
func (p patient) Attempt(ctx context.Context, jobs []storage.Job) ([]storage.Job, error) {
	return soon(ctx, p, func(ctx context.Context) ([]storage.Job, error) { return p.Ledger.Attempt(ctx, jobs) })
}

// Park implements [storage.Ledger].
func (p patient) Park(ctx context.Context, jobs []storage.Job) ([]storage.Job, error) {
	return soon(ctx, p, func(ctx context.Context) ([]storage.Job, error) { return p.Ledger.Park(ctx, jobs) })
}

// Refund implements [storage.Ledger].
func (p patient) Refund(ctx context.Context, ids []uuid.UUID) error {
	return soonDone(ctx, p, func(ctx context.Context) error { return p.Ledger.Refund(ctx, ids) })
}

// Settle implements [storage.Ledger].
func (p patient) Settle(ctx context.Context, jobs []storage.Job) error {
	return soonDone(ctx, p, func(ctx context.Context) error { return p.Ledger.Settle(ctx, jobs) })
}
