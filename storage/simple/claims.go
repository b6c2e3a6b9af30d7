package simple

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Claim starts an attempt of a long job. With ErrFinal or ErrLeased the job is
// returned as it is; a *storage.JobExistsError.
func (t Jobs) Claim(j storage.Job, lease time.Duration, now time.Time) (storage.Job, storage.Claim, error) {
	row, ok := t.Rows[j.ID]
	switch {
	case !ok:
		if other, found := t.holder(j.Unique); found {
			return CopyJob(j), storage.Claim{}, fmt.Errorf("claim job %s: %w", j.ID, exists(other))
		}
		j.State, j.Attempt = storage.JobQueued, 0
		row = t.add(j, now)
	case row.State.Final():
		return CopyJob(row.Job), storage.Claim{}, fmt.Errorf("claim job %s: %w", j.ID, storage.ErrFinal)
	case row.Token != uuid.Nil && row.LeaseUntil.After(now):
		return CopyJob(row.Job), storage.Claim{}, fmt.Errorf("claim job %s: %w", j.ID, storage.ErrLeased)
	}
	row.State, row.Started, row.LeaseUntil = storage.JobRunning, now, now.Add(lease)
	row.NotBefore = time.Time{}
	row.Adopt(j)
	row.Attempt++
	row.Token = uuid.New()
	t.Rows[j.ID] = row
	return CopyJob(row.Job), storage.Claim{Job: j.ID, Token: row.Token}, nil
}

// Holds returns nil while a claim holds; ErrFenced. Publish asks before it writes.
func (t Jobs) Holds(c storage.Claim) error {
	_, err := t.claimed(c)
	return err
}

// Chunk reports whether a chunk is done; ErrFenced when it may not be. A unit of work
// for a chunk and Stage ask before they write.
func (t Jobs) Chunk(c storage.ChunkRef) (done bool, err error) {
	if len(c.Plan) == 0 {
		err = t.Holds(c.Claim)
	} else {
		err = t.mayDo(c)
	}
	return err == nil && t.HasChunk(c.Claim.Job, c.No), err
}

func (t Jobs) mayDo(c storage.ChunkRef) error {
	row, ok := t.Rows[c.Claim.Job]
	if !ok {
		return fmt.Errorf("job %s: %w", c.Claim.Job, storage.ErrFenced)
	}
	return row.MayDo(c.Plan, t.Plans[c.Claim.Job])
}

// MayUnstage reports whether what a job staged may be forgotten: by its worker, or once
// it has ended when the claim has no token; see storage.UnitOfWork.
func (t Jobs) MayUnstage(c storage.Claim) (bool, error) {
	if c.Token != uuid.Nil {
		_, err := t.claimed(c)
		return err == nil, err
	}
	job, err := t.Get(c.Job)
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	return err == nil && job.State.Final(), err
}

// claimed returns the row of a job whose claim still holds.
func (t Jobs) claimed(c storage.Claim) (Row, error) {
	row, ok := t.Rows[c.Job]
	if !ok || row.State != storage.JobRunning || c.Token == uuid.Nil || row.Token != c.Token {
		return Row{}, fmt.Errorf("job %s: %w", c.Job, storage.ErrFenced)
	}
	return row, nil
}

// change applies fn to the row of a claimed job.
func (t Jobs) change(c storage.Claim, fn func(*Row)) (storage.Job, error) {
	row, err := t.claimed(c)
	if err != nil {
		return storage.Job{}, err
	}
	fn(&row)
	t.Rows[c.Job] = row
	return CopyJob(row.Job), nil
}

// Renew extends the lease and records progress; ErrFenced.
func (t Jobs) Renew(c storage.Claim, lease time.Duration, p storage.Progress, now time.Time) (storage.Job, error) {
	return t.change(c, func(row *Row) {
		row.LeaseUntil = now.Add(lease)
		row.Done, row.Total = p.Done, p.Total
	})
}

// Finish ends a claimed job, also as the end of a unit of work or of a publish;
// ErrFenced.
func (t Jobs) Finish(c storage.Claim, f storage.Final, now time.Time) error {
	if err := f.State.CheckFinal(); err != nil {
		return err
	}
	_, err := t.change(c, func(row *Row) { row.end(f, now) })
	return err
}

// end makes the row final.
func (r *Row) end(f storage.Final, now time.Time) {
	r.End(f, now)
	r.free()
}

// free takes the claim away.
func (r *Row) free() { r.Token, r.LeaseUntil = uuid.Nil, time.Time{} }

// Release gives a claimed job back to the queue; ErrFenced.
func (t Jobs) Release(c storage.Claim, refund bool, code, message string) error {
	_, err := t.change(c, func(row *Row) {
		row.State = storage.JobQueued
		row.ErrorCode, row.ErrorMessage = code, message
		row.free()
		if refund {
			row.refund()
		}
	})
	return err
}

func (r *Row) refund() { r.Attempt = max(r.Attempt-1, 0) }

// Takeover frees the leases of a queue and returns how many there were. Suspended jobs
// stay so.
func (t Jobs) Takeover(queue uuid.UUID) int {
	n := 0
	for id, row := range t.Rows {
		if row.State == storage.JobRunning && row.Queue == queue && !row.Suspended() {
			row.State = storage.JobQueued
			row.free()
			t.Rows[id] = row
			n++
		}
	}
	return n
}
