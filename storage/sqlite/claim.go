package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Claim starts an attempt of a long job.
func (l ledger) Claim(ctx context.Context, job storage.Job, lease time.Duration) (storage.Job, storage.Claim, error) {
	var row jobRow
	var refusal error
	err := l.do(ctx, func(j jobs) error {
		var found bool
		var err error
		if row, found, err = j.find(job.ID); err != nil {
			return err
		}
		now := l.f.now()
		switch {
		case !found:
			if refusal = j.unclaimed(job, "claim job "+job.ID.String()); refusal != nil {
				row = newJobRow(job, now)
				break
			}
			job.Attempt = 0
			row = newJobRow(job, now)
		case row.State.Final():
			refusal = fmt.Errorf("claim job %s: %w", job.ID, storage.ErrFinal)
		case row.token != uuid.Nil && row.LeaseUntil.After(now):
			refusal = fmt.Errorf("claim job %s: %w", job.ID, storage.ErrLeased)
		}
		if refusal != nil {
			return nil
		}
		row.State, row.Started, row.LeaseUntil = storage.JobRunning, now, now.Add(lease)
		row.NotBefore = time.Time{}
		row.Adopt(job)
		row.Attempt++
		row.token = uuid.New()
		if !found {
			return j.add(row)
		}
		return j.save(row)
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return row.seen(), storage.Claim{}, err
	}
	return row.seen(), storage.Claim{Job: row.ID, Token: row.token}, nil
}

// seen returns the job as a later read gives it.
func (r jobRow) seen() storage.Job {
	j := r.Job
	if j.Text == "" {
		j.Text = j.ID.String()
	}
	for _, t := range []*time.Time{&j.Created, &j.Started, &j.Finished, &j.LeaseUntil, &j.NotBefore} {
		*t = timeOf(micros(*t))
	}
	return j
}

// change applies fn to the row of a claimed job.
func (l ledger) change(ctx context.Context, c storage.Claim, fn func(row *jobRow, now time.Time)) (storage.Job, error) {
	var row jobRow
	err := l.do(ctx, func(j jobs) error {
		var err error
		if row, err = j.claimed(c); err != nil {
			return err
		}
		fn(&row, l.f.now())
		return j.save(row)
	})
	return row.seen(), err
}

// Renew extends the lease and records progress.
func (l ledger) Renew(ctx context.Context, c storage.Claim, lease time.Duration, p storage.Progress) (storage.Job, error) {
	return l.change(ctx, c, func(row *jobRow, now time.Time) {
		row.LeaseUntil = now.Add(lease)
		row.Done, row.Total = p.Done, p.Total
	})
}

// Finish ends a claimed job.
func (l ledger) Finish(ctx context.Context, c storage.Claim, f storage.Final) error {
	if err := f.State.CheckFinal(); err != nil {
		return err
	}
	_, err := l.change(ctx, c, func(row *jobRow, now time.Time) { row.end(f, now) })
	return err
}

// Release gives a claimed job back to the queue.
func (l ledger) Release(ctx context.Context, c storage.Claim, refund bool, code, message string) error {
	_, err := l.change(ctx, c, func(row *jobRow, _ time.Time) {
		row.State = storage.JobQueued
		row.ErrorCode, row.ErrorMessage = code, message
		row.free()
		if refund {
			row.Attempt = max(row.Attempt-1, 0)
		}
	})
	return err
}

// Takeover frees the leases of all running jobs of a queue. Suspended ones stay so.
func (l ledger) Takeover(ctx context.Context, queue uuid.UUID) (int, error) {
	var n int64
	err := l.do(ctx, func(j jobs) error {
		var err error
		n, err = j.t.exec(`UPDATE specstar_jobs SET state = 'queued', token = NULL, lease_until = 0
			WHERE store = ? AND state = 'running' AND state <> 'done' AND queue IS ? AND not_before = 0`, j.store, idOrNull(queue))
		return err
	})
	return int(n), err
}
