package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// leased is until when a lease holds that is given now: $4 is its length in
// microseconds.
const leased = `clock_timestamp() + $4::bigint * interval '1 microsecond'`

var (
	// queueJob inserts the job of a claim that is not there yet.
	queueJob = insertJobs(jobColumns, nil, map[string]string{"created": serverTime}, `DO NOTHING`)

	// claimJob takes a job that has not ended and that no live lease protects. The
	// clock is read when the row is locked.
	claimJob = `UPDATE specstar_jobs SET state = 'running', attempt = attempt + 1, started = clock_timestamp(), not_before = NULL, lease_until = ` + leased + `, token = $3,
			queue = coalesce(queue, $5), epoch = CASE WHEN queue IS NULL THEN $6 ELSE epoch END, sequence = CASE WHEN queue IS NULL THEN $7 ELSE sequence END
		WHERE store = $1 AND id = $2 AND state IN ('queued', 'running') AND (token IS NULL OR lease_until IS NULL OR lease_until <= clock_timestamp())
		RETURNING ` + jobNames

	renewJob = `UPDATE specstar_jobs SET lease_until = ` + leased + `, done = $5, total = $6 WHERE ` + holding + ` RETURNING ` + jobNames
)

// Claim starts an attempt of a long job.
func (l ledger) Claim(ctx context.Context, job storage.Job, lease time.Duration) (storage.Job, storage.Claim, error) {
	c := storage.Claim{Job: job.ID, Token: uuid.New()}
	var row storage.Job
	var refusal error
	err := l.do(ctx, func(j jobs) (err error) {
		row, refusal, err = j.claim(c, job, lease)
		return err
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return row, storage.Claim{}, err
	}
	return row, c, nil
}

// claim takes the job, or returns it as it is and why it was refused.
func (j jobs) claim(c storage.Claim, job storage.Job, lease time.Duration) (row storage.Job, refusal, err error) {
	job.State, job.Attempt = storage.JobQueued, 0
	if _, err := j.t.execBinary(queueJob, jobParams(jobColumns, j.store(), []storage.Job{job})...); err != nil {
		return row, nil, err
	}
	row, found, err := j.one(claimJob, j.holds(c, lease.Microseconds(), idOrNull(job.Queue), job.Epoch, int64(job.Sequence))...)
	if found || err != nil {
		return row, nil, err
	}
	row, found, err = j.one(`SELECT `+jobNames+` FROM specstar_jobs WHERE store = $1 AND id = $2`, j.store(), [16]byte(c.Job))
	switch {
	case err != nil:
		return row, nil, err
	case !found:
		if err := j.unclaimed([]storage.Job{job}); err != nil {
			return job, fmt.Errorf("claim job %s: %w", c.Job, err), nil
		}
		return row, nil, errRaced // removed meanwhile
	case row.State.Final():
		return row, fmt.Errorf("claim job %s: %w", c.Job, storage.ErrFinal), nil
	}
	return row, fmt.Errorf("claim job %s: %w", c.Job, storage.ErrLeased), nil
}

// one returns the job that a statement gives, and whether it does.
func (j jobs) one(query string, args ...any) (job storage.Job, found bool, err error) {
	err = j.t.each(query, args, func(rows pgx.Rows) (err error) {
		found = true
		job, err = scanJob(rows)
		return err
	})
	return job, found, err
}

// Renew extends the lease and records progress.
func (l ledger) Renew(ctx context.Context, c storage.Claim, lease time.Duration, p storage.Progress) (storage.Job, error) {
	var row storage.Job
	err := l.do(ctx, func(j jobs) (err error) {
		var found bool
		row, found, err = j.one(renewJob, j.holds(c, lease.Microseconds(), p.Done, p.Total)...)
		if err == nil && !found {
			err = fenced(c)
		}
		return err
	})
	return row, err
}

// Finish ends a claimed job.
func (l ledger) Finish(ctx context.Context, c storage.Claim, f storage.Final) error {
	if err := f.State.CheckFinal(); err != nil {
		return err
	}
	return l.do(ctx, func(j jobs) error { return j.finish(c, f) })
}

// Release gives a claimed job back to the queue.
func (l ledger) Release(ctx context.Context, c storage.Claim, refund bool, code, message string) error {
	return l.do(ctx, func(j jobs) error {
		n, err := j.t.exec(`UPDATE specstar_jobs SET state = 'queued', error_code = $5, error_message = $6, lease_until = NULL, token = NULL,
			attempt = CASE WHEN $4 THEN greatest(attempt - 1, 0) ELSE attempt END WHERE `+holding, j.holds(c, refund, clean(code), clean(message))...)
		if err == nil && n == 0 {
			err = fenced(c)
		}
		return err
	})
}

// Takeover frees the leases of all running jobs of a queue. Suspended ones stay so.
func (l ledger) Takeover(ctx context.Context, queue uuid.UUID) (int, error) {
	var n int64
	err := l.do(ctx, func(j jobs) error {
		var ids []uuid.UUID
		err := j.t.each(`SELECT id FROM specstar_jobs WHERE store = $1 AND state = 'running' AND state <> 'done' AND queue IS NOT DISTINCT FROM $2 AND not_before IS NULL
			ORDER BY id FOR UPDATE`, []any{j.store(), idOrNull(queue)}, func(rows pgx.Rows) error {
			var id [16]byte
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		n, err = j.t.execBinary(`UPDATE specstar_jobs SET state = 'queued', token = NULL, lease_until = NULL
			WHERE store + 0 = $1::integer AND id = ANY($2::uuid[])`, storeParam(j.store()), idArray(ids))
		return err
	})
	return int(n), err
}
