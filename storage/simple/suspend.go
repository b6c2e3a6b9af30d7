package simple

import (
	"bytes"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Suspend gives a claimed job up until its parts are done; ErrFenced, ErrPlanned.
func (t Jobs) Suspend(c storage.Claim, until time.Time, p *storage.Plan, done storage.Progress, now time.Time) error {
	row, err := t.claimed(c)
	if err != nil {
		return err
	}
	if p != nil {
		if err := t.plan(c.Job, *p); err != nil {
			return err
		}
	}
	row.Job.Suspend(until, done, now)
	row.free()
	t.Rows[c.Job] = row
	return nil
}

// plan stores the plan of a job, unless it is the one that is there.
func (t Jobs) plan(job uuid.UUID, p storage.Plan) error {
	if err := p.Check(); err != nil {
		return fmt.Errorf("suspend job %s: %w", job, err)
	}
	if has, ok := t.Plans[job]; ok && bytes.Equal(has.Digest, p.Digest) {
		return nil
	}
	if len(t.Done[job]) > 0 {
		return fmt.Errorf("suspend job %s: %w", job, storage.ErrPlanned)
	}
	t.Plans[job] = copyPlan(p)
	return nil
}

// Plan returns the plan of a job; ErrNotFound.
func (t Jobs) Plan(job uuid.UUID) (storage.Plan, error) {
	p, ok := t.Plans[job]
	if !ok {
		return storage.Plan{}, noPlan(job)
	}
	return copyPlan(p), nil
}

// Outline is Plan without the body.
func (t Jobs) Outline(job uuid.UUID) (storage.Plan, error) {
	p, ok := t.Plans[job]
	if !ok {
		return storage.Plan{}, noPlan(job)
	}
	p.Body = nil
	return copyPlan(p), nil
}

func noPlan(job uuid.UUID) error { return fmt.Errorf("plan of job %s: %w", job, storage.ErrNotFound) }

func copyPlan(p storage.Plan) storage.Plan {
	p.Digest, p.Body = bytes.Clone(p.Digest), bytes.Clone(p.Body)
	return p
}

// Wake makes a suspended job due; it reports whether the job is suspended. ErrNotFound.
func (t Jobs) Wake(id uuid.UUID, now time.Time) (job storage.Job, suspended bool, err error) {
	job, err = t.edit(id, func(j *storage.Job) error {
		suspended = j.Wake(now)
		return nil
	})
	return job, suspended, err
}

// CountChunks returns how many chunks of a job are done.
func (t Jobs) CountChunks(job uuid.UUID) int { return len(t.Done[job]) }
