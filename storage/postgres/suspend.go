package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// Statements of suspended jobs. The rules are those of storage.Job.Suspend and Wake.
const (
	suspendJob = `UPDATE specstar_jobs AS j SET attempt = greatest(attempt - 1, 0), lease_until = NULL, token = NULL,
		not_before = CASE WHEN cancel THEN least($4::timestamptz, clock_timestamp()) ELSE coalesce($4, clock_timestamp()) END,
		origin = ` + firstPlace + `, queue = NULL, epoch = NULL, sequence = NULL,
		done = CASE WHEN $5 THEN $6 ELSE done END, total = CASE WHEN $5 THEN $7 ELSE total END WHERE ` + holding

	wakeJob = `UPDATE specstar_jobs SET not_before = least(not_before, clock_timestamp())
		WHERE store = $1 AND id = $2 AND state = 'running' AND lease_until IS NULL AND not_before IS NOT NULL RETURNING `
)

// Suspend gives a claimed job up until its parts are done.
func (l ledger) Suspend(ctx context.Context, c storage.Claim, until time.Time, p *storage.Plan, done storage.Progress) error {
	return l.do(ctx, func(j jobs) error {
		n, err := j.t.exec(suspendJob, j.holds(c, timeOrNull(until), done != (storage.Progress{}), done.Done, done.Total)...)
		switch {
		case err != nil:
			return err
		case n == 0:
			return fenced(c)
		case p == nil:
			return nil
		}
		if err := j.plan(c.Job, *p); err != nil {
			return fmt.Errorf("suspend job %s: %w", c.Job, err)
		}
		return nil
	})
}

// plan stores the plan of a job, unless it is the one that is there.
func (j jobs) plan(job uuid.UUID, p storage.Plan) error {
	if err := p.Check(); err != nil {
		return err
	}
	var has []byte
	var begun bool
	err := j.t.each(`SELECT (SELECT digest FROM specstar_plans WHERE store = $1 AND job = $2),
		EXISTS (SELECT FROM specstar_chunks WHERE store = $1 AND job = $2)`,
		[]any{j.store(), [16]byte(job)}, func(rows pgx.Rows) error { return rows.Scan(&has, &begun) })
	switch {
	case err != nil:
		return err
	case bytes.Equal(has, p.Digest):
		return nil
	case begun:
		return storage.ErrPlanned
	}
	_, err = j.t.exec(`INSERT INTO specstar_plans (store, job, digest, chunks, total, body) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (store, job) DO UPDATE SET digest = excluded.digest, chunks = excluded.chunks, total = excluded.total, body = excluded.body`,
		j.store(), [16]byte(job), p.Digest, p.Chunks, p.Total, append([]byte{}, p.Body...))
	return err
}

// unplan removes the plan of a job that has no chunk.
func (j jobs) unplan(job uuid.UUID) error {
	_, err := j.t.exec(`DELETE FROM specstar_plans WHERE store = $1 AND job = $2
		AND NOT EXISTS (SELECT FROM specstar_chunks WHERE store = $1 AND job = $2)`, j.store(), [16]byte(job))
	return err
}

// Plan returns the plan of a job.
func (l ledger) Plan(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return l.readPlan(ctx, job, "body")
}

// Outline is Plan without the body, of which nothing is read.
func (l ledger) Outline(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return l.readPlan(ctx, job, "NULL::bytea")
}

func (l ledger) readPlan(ctx context.Context, job uuid.UUID, body string) (storage.Plan, error) {
	missing := fmt.Errorf("plan of job %s: %w", job, storage.ErrNotFound)
	if l.foreign() || l.f.version < 7 {
		return storage.Plan{}, errors.Join(ctx.Err(), missing)
	}
	plans, err := collect(ctx, l.f, pooled{l.f}, "read a plan in", `SELECT digest, chunks, total, `+body+` FROM specstar_plans WHERE store = $1 AND job = $2`,
		[]any{l.store(), [16]byte(job)}, func(rows pgx.Rows) (p storage.Plan, err error) {
			return p, rows.Scan(&p.Digest, &p.Chunks, &p.Total, &p.Body)
		})
	if err == nil && len(plans) == 0 {
		err = missing
	}
	if err != nil {
		return storage.Plan{}, err
	}
	return plans[0], nil
}

// Wake makes a suspended job due.
func (l ledger) Wake(ctx context.Context, id uuid.UUID) (job storage.Job, suspended bool, err error) {
	err = l.do(ctx, func(j jobs) (err error) {
		if job, suspended, err = j.one(wakeJob+jobNames, j.store(), [16]byte(id)); suspended || err != nil {
			return err
		}
		var found bool
		job, found, err = j.one(`SELECT `+jobNames+` FROM specstar_jobs WHERE store = $1 AND id = $2`, j.store(), [16]byte(id))
		if err == nil && !found {
			err = fmt.Errorf("job %s: %w", id, storage.ErrNotFound)
		}
		return err
	})
	return job, suspended, err
}

// countChunks reads no rows: numbers are in the key.
const countChunks = `SELECT count(*) FROM specstar_chunks WHERE store = $1 AND job = $2`

// CountChunks returns how many chunks of a job are done.
func (l ledger) CountChunks(ctx context.Context, job uuid.UUID) (int, error) {
	if l.foreign() {
		return 0, ctx.Err()
	}
	n, err := collect(ctx, l.f, pooled{l.f}, "count chunks in", countChunks, []any{l.store(), [16]byte(job)},
		func(rows pgx.Rows) (n int, err error) { return n, rows.Scan(&n) })
	if err != nil || len(n) == 0 {
		return 0, err
	}
	return n[0], nil
}
