package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Suspend gives a claimed job up until its parts are done.
func (l ledger) Suspend(ctx context.Context, c storage.Claim, until time.Time, p *storage.Plan, done storage.Progress) error {
	return l.do(ctx, func(j jobs) error {
		row, err := j.claimed(c)
		if err != nil {
			return err
		}
		if p != nil {
			if err := j.plan(c.Job, *p); err != nil {
				return fmt.Errorf("suspend job %s: %w", c.Job, err)
			}
		}
		row.Suspend(until, done, l.f.now())
		row.free()
		return j.save(row)
	})
}

// plan stores the plan of a job, unless it is the one that is there.
func (j jobs) plan(job uuid.UUID, p storage.Plan) error {
	if err := p.Check(); err != nil {
		return err
	}
	has, err := j.planDigest(job)
	if err != nil || bytes.Equal(has, p.Digest) {
		return err
	}
	begun := false
	err = j.t.each(`SELECT 1 FROM specstar_chunks WHERE store = ? AND job = ? LIMIT 1`, []any{j.store, job[:]},
		func(*sql.Rows) error { begun = true; return nil })
	if err != nil {
		return err
	}
	if begun {
		return storage.ErrPlanned
	}
	_, err = j.t.exec(`INSERT OR REPLACE INTO specstar_plans (store, job, digest, chunks, total, body) VALUES (?, ?, ?, ?, ?, ?)`,
		j.store, job[:], p.Digest, p.Chunks, p.Total, append([]byte{}, p.Body...))
	return err
}

// planDigest returns the digest of a job's plan, nil when it has none.
func (j jobs) planDigest(job uuid.UUID) (digest []byte, err error) {
	err = j.t.each(`SELECT digest FROM specstar_plans WHERE store = ? AND job = ?`, []any{j.store, job[:]},
		func(rows *sql.Rows) error { return rows.Scan(&digest) })
	return digest, err
}

// unplan removes the plan of a job that has no chunk.
func (j jobs) unplan(job uuid.UUID) error {
	_, err := j.t.exec(`DELETE FROM specstar_plans WHERE store = ?1 AND job = ?2
		AND NOT EXISTS (SELECT 1 FROM specstar_chunks WHERE store = ?1 AND job = ?2)`, j.store, job[:])
	return err
}

// Plan returns the plan of a job.
func (l ledger) Plan(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return l.readPlan(ctx, job, "body")
}

// Outline is Plan without the body, of which nothing is read.
func (l ledger) Outline(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return l.readPlan(ctx, job, "NULL")
}

func (l ledger) readPlan(ctx context.Context, job uuid.UUID, body string) (storage.Plan, error) {
	missing := fmt.Errorf("plan of job %s: %w", job, storage.ErrNotFound)
	if l.f.layout < 7 {
		return storage.Plan{}, missing
	}
	for p, err := range stream(ctx, l.f, l.f.reads, "read a plan in", `SELECT digest, chunks, total, `+body+` FROM specstar_plans WHERE store = ? AND job = ?`,
		[]any{l.f.identity.number, job[:]}, func(rows *sql.Rows) (p storage.Plan, err error) {
			return p, rows.Scan(&p.Digest, &p.Chunks, &p.Total, &p.Body)
		}) {
		return p, err
	}
	return storage.Plan{}, missing
}

// Wake makes a suspended job due.
func (l ledger) Wake(ctx context.Context, id uuid.UUID) (job storage.Job, suspended bool, err error) {
	job, err = l.edit(ctx, id, func(_ jobs, row *jobRow) error {
		suspended = row.Wake(l.f.now())
		return nil
	})
	return job, suspended, err
}
