package check

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// brokenSuspends are stores whose suspended jobs or planned chunks have a defect.
func brokenSuspends() map[string]broken {
	return map[string]broken{
		"releases what it suspends": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return letsGo{l} }),
			caught: []string{"G33/suspended_job_waits_without_a_claim", "G33/wake_makes_due_what_is_suspended"},
		},
		"finds only queued jobs due": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return onlyQueued{l} }),
			caught: []string{"G33/suspended_job_is_due_and_claimed_again", "G33/cancel_makes_a_suspended_job_due"},
		},
		"wakes nobody": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return sleepy{l} }),
			caught: []string{"G33/wake_makes_due_what_is_suspended"},
		},
		"takes any plan": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return &anyPlan{Ledger: l, plans: map[uuid.UUID]storage.Plan{}} }),
			caught: []string{"G34/plan_stays_while_chunks_are_done", "G34/plan_goes_with_the_job"},
		},
		"does chunks by any plan": {
			open:   over(func(f storage.Factory) storage.Factory { return newAnyDigest(f) }),
			caught: []string{"G35/chunk_by_a_plan_needs_the_plan"},
		},
		"counts chunks that it saw itself": {
			open: over(func(f storage.Factory) storage.Factory {
				counted := &counting{n: map[uuid.UUID]int{}}
				return altered{
					Factory: f,
					ledger:  func(l storage.Ledger) storage.Ledger { return seenChunks{l, counted} },
					unit:    func(u storage.UnitOfWork) storage.UnitOfWork { return countsChunks{u, counted} },
				}
			}),
			caught: []string{"G35/chunk_by_a_plan_is_done_once", "G35/racing_chunks_by_a_plan_have_one_effect"},
		},
	}
}

// letsGo gives jobs back to the queue instead of suspending them.
type letsGo struct{ storage.Ledger }

func (l letsGo) Suspend(ctx context.Context, c storage.Claim, _ time.Time, _ *storage.Plan, _ storage.Progress) error {
	return l.Release(ctx, c, true, "", "")
}

// onlyQueued knows no suspended jobs.
type onlyQueued struct{ storage.Ledger }

func (l onlyQueued) Due(ctx context.Context, limit int) ([]storage.Job, error) {
	all, err := l.Ledger.Due(ctx, limit)
	var due []storage.Job
	for _, j := range all {
		if j.State == storage.JobQueued {
			due = append(due, j)
		}
	}
	return due, err
}

// sleepy says that it woke a job.
type sleepy struct{ storage.Ledger }

func (l sleepy) Wake(ctx context.Context, job uuid.UUID) (storage.Job, bool, error) {
	j, err := l.Get(ctx, job)
	return j, j.Suspended(), err
}

// anyPlan keeps the last plan of each job, for ever.
type anyPlan struct {
	storage.Ledger
	mu    sync.Mutex
	plans map[uuid.UUID]storage.Plan
}

func (l *anyPlan) Suspend(ctx context.Context, c storage.Claim, until time.Time, p *storage.Plan, done storage.Progress) error {
	if p == nil {
		return l.Ledger.Suspend(ctx, c, until, nil, done)
	}
	if _, err := l.Ledger.Plan(ctx, c.Job); err == nil {
		p = nil
	}
	if err := l.Ledger.Suspend(ctx, c, until, p, done); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p != nil {
		l.plans[c.Job] = *p
	}
	return nil
}

func (l *anyPlan) Plan(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	l.mu.Lock()
	p, ok := l.plans[job]
	l.mu.Unlock()
	if ok {
		return p, ctx.Err()
	}
	return l.Ledger.Plan(ctx, job)
}

// anyDigest does chunks by whatever plan the job has.
type anyDigest struct {
	storage.UnitOfWork
	ledger storage.Ledger
}

func newAnyDigest(f storage.Factory) storage.Factory {
	return altered{Factory: f, unit: func(u storage.UnitOfWork) storage.UnitOfWork { return anyDigest{u, f.Ledger()} }}
}

// has returns c by the plan that its job has.
func (u anyDigest) has(ctx context.Context, c storage.ChunkRef) storage.ChunkRef {
	if p, err := u.ledger.Plan(ctx, c.Claim.Job); err == nil && len(c.Plan) > 0 {
		c.Plan = p.Digest
	}
	return c
}

func (u anyDigest) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	if b.Chunk != nil {
		c := u.has(ctx, *b.Chunk)
		b.Chunk = &c
	}
	return u.UnitOfWork.Update(ctx, b, compute)
}

func (u anyDigest) Stage(ctx context.Context, s storage.Staged) error {
	s.Chunk = u.has(ctx, s.Chunk)
	return u.UnitOfWork.Stage(ctx, s)
}

// counting is how often chunks of jobs were done.
type counting struct {
	mu sync.Mutex
	n  map[uuid.UUID]int
}

func (c *counting) add(job uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[job]++
}

// countsChunks counts a chunk each time that it is asked to do it.
type countsChunks struct {
	storage.UnitOfWork
	seen *counting
}

func (u countsChunks) Stage(ctx context.Context, s storage.Staged) error {
	err := u.UnitOfWork.Stage(ctx, s)
	if err == nil {
		u.seen.add(s.Chunk.Claim.Job)
	}
	return err
}

func (u countsChunks) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	err := u.UnitOfWork.Update(ctx, b, compute)
	if err == nil && b.Chunk != nil {
		u.seen.add(b.Chunk.Claim.Job)
	}
	return err
}

// seenChunks answers with what was counted.
type seenChunks struct {
	storage.Ledger
	seen *counting
}

func (l seenChunks) CountChunks(ctx context.Context, job uuid.UUID) (int, error) {
	l.seen.mu.Lock()
	defer l.seen.mu.Unlock()
	return l.seen.n[job], ctx.Err()
}
