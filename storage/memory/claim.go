package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func (l ledger) Claim(ctx context.Context, j storage.Job, lease time.Duration) (storage.Job, storage.Claim, error) {
	var claim storage.Claim
	err := l.f.write(ctx, func(s *state) error {
		now := l.f.now()
		row, ok := s.jobs[j.ID]
		switch {
		case !ok:
			j.State, j.Attempt = storage.JobQueued, 0
			row = s.add(j, now)
		case row.State.Final():
			j = copyJob(row.Job)
			return fmt.Errorf("claim job %s: %w", j.ID, storage.ErrFinal)
		case row.token != uuid.Nil && row.LeaseUntil.After(now):
			j = copyJob(row.Job)
			return fmt.Errorf("claim job %s: %w", j.ID, storage.ErrLeased)
		}
		row.State, row.Started, row.LeaseUntil = storage.JobRunning, now, now.Add(lease)
		row.Attempt++
		row.token = uuid.New()
		s.jobs[j.ID] = row
		claim = storage.Claim{Job: j.ID, Token: row.token}
		j = copyJob(row.Job)
		return nil
	})
	return j, claim, err
}

// claimed returns the row of a job whose claim still holds.
func (s *state) claimed(c storage.Claim) (jobRow, error) {
	row, ok := s.jobs[c.Job]
	if !ok || row.State != storage.JobRunning || c.Token == uuid.Nil || row.token != c.Token {
		return jobRow{}, fmt.Errorf("job %s: %w", c.Job, storage.ErrFenced)
	}
	return row, nil
}

// change applies fn to the row of a claimed job.
func (l ledger) change(ctx context.Context, c storage.Claim, fn func(row *jobRow, now time.Time)) (storage.Job, error) {
	var job storage.Job
	err := l.f.write(ctx, func(s *state) error {
		row, err := s.claimed(c)
		if err != nil {
			return err
		}
		fn(&row, l.f.now())
		s.jobs[c.Job] = row
		job = copyJob(row.Job)
		return nil
	})
	return job, err
}

func (l ledger) Renew(ctx context.Context, c storage.Claim, lease time.Duration, p storage.Progress) (storage.Job, error) {
	return l.change(ctx, c, func(row *jobRow, now time.Time) {
		row.LeaseUntil = now.Add(lease)
		row.Done, row.Total = p.Done, p.Total
	})
}

func (l ledger) Finish(ctx context.Context, c storage.Claim, f storage.Final) error {
	if err := f.State.CheckFinal(); err != nil {
		return err
	}
	_, err := l.change(ctx, c, func(row *jobRow, now time.Time) { row.end(f, now) })
	return err
}

// end makes the row final.
func (r *jobRow) end(f storage.Final, now time.Time) {
	r.End(f, now)
	r.free()
}

// free takes the claim away.
func (r *jobRow) free() { r.token, r.LeaseUntil = uuid.Nil, time.Time{} }

func (l ledger) Release(ctx context.Context, c storage.Claim, refund bool, code, message string) error {
	_, err := l.change(ctx, c, func(row *jobRow, _ time.Time) {
		row.State = storage.JobQueued
		row.ErrorCode, row.ErrorMessage = code, message
		row.free()
		if refund {
			row.refund()
		}
	})
	return err
}

func (r *jobRow) refund() { r.Attempt = max(r.Attempt-1, 0) }

func (l ledger) Takeover(ctx context.Context, queue uuid.UUID) (int, error) {
	n := 0
	err := l.f.write(ctx, func(s *state) error {
		for id, row := range s.jobs {
			if row.State == storage.JobRunning && row.Queue == queue {
				row.State = storage.JobQueued
				row.free()
				s.jobs[id] = row
				n++
			}
		}
		return nil
	})
	return n, err
}
