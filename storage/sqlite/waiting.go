package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Statements of jobs that wait and of unique keys, in the words of their indexes.
const (
	dueQueued = `SELECT ` + jobColumns + ` FROM specstar_jobs INDEXED BY specstar_jobs_due
		WHERE store = ?1 AND not_before > 0 AND state = 'queued' AND not_before <= ?2`
	// dueSuspended: a job that is claimed waits no longer, so those that run and wait are
	// suspended.
	dueSuspended = ` UNION ALL SELECT ` + jobColumns + ` FROM specstar_jobs INDEXED BY specstar_jobs_suspended
		WHERE store = ?1 AND not_before > 0 AND state = 'running' AND not_before <= ?2`
	inDueOrder = ` ORDER BY not_before, created, id LIMIT ?3`
	dueJobs    = dueQueued + dueSuspended + inDueOrder

	waitingJobs = `SELECT count(*) FROM specstar_jobs INDEXED BY specstar_jobs_due WHERE store = ? AND not_before > 0 AND state = 'queued'`
	holderOf    = `SELECT id, text FROM specstar_jobs INDEXED BY specstar_jobs_unique
		WHERE store = ? AND unique_key = ? AND unique_key <> '' AND state IN ('queued', 'running') AND id <> ?`
)

// unclaimed returns a storage.JobExistsError when another unfinished job has the unique
// key of one.
func (j jobs) unclaimed(job storage.Job, doing string) error {
	if job.Unique == "" {
		return nil
	}
	var other *storage.JobExistsError
	err := j.t.each(holderOf, []any{j.store, job.Unique, job.ID[:]}, func(rows *sql.Rows) error {
		var id []byte
		other = &storage.JobExistsError{Unique: job.Unique}
		if err := rows.Scan(&id, &other.ID); err != nil {
			return err
		}
		other.Job = uuid.UUID(id)
		if other.ID == "" {
			other.ID = other.Job.String()
		}
		return nil
	})
	if err == nil && other != nil {
		err = fmt.Errorf("%s: %w", doing, other)
	}
	return err
}

// Park has jobs wait until their NotBefore, without a message.
func (l ledger) Park(ctx context.Context, list []storage.Job) ([]storage.Job, error) {
	out := make([]storage.Job, len(list))
	err := l.do(ctx, func(j jobs) (err error) {
		for i, job := range list {
			if out[i], err = j.park(job, l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (j jobs) park(job storage.Job, l ledger) (storage.Job, error) {
	row, found, err := j.find(job.ID)
	if err != nil {
		return storage.Job{}, err
	}
	now := l.f.now()
	if !found {
		job.Unique = ""
		row = newJobRow(job, now)
	}
	if row.token != uuid.Nil && row.LeaseUntil.After(now) || !row.Park(job) {
		return row.seen(), nil
	}
	row.free()
	if !found {
		return row.seen(), j.add(row)
	}
	if len(row.Envelope) > 0 { // save leaves what the submission said
		if _, err := j.t.exec(`UPDATE specstar_jobs SET envelope = coalesce(envelope, ?) WHERE store = ? AND id = ?`, row.Envelope, j.store, row.ID[:]); err != nil {
			return storage.Job{}, err
		}
	}
	return row.seen(), j.save(row)
}

// Due returns queued and suspended jobs whose NotBefore has passed.
func (l ledger) Due(ctx context.Context, limit int) ([]storage.Job, error) {
	if l.f.layout < 4 {
		return nil, ctx.Err()
	}
	query := dueJobs
	if l.f.layout < 7 { // nothing is suspended
		query = dueQueued + inDueOrder
	}
	var due []storage.Job
	for row, err := range l.read(ctx, query, l.f.identity.number, micros(l.f.now()), limit) {
		if err != nil {
			return nil, err
		}
		due = append(due, row)
	}
	return due, nil
}

// Waiting returns how many queued jobs have a NotBefore.
func (l ledger) Waiting(ctx context.Context) (n int64, err error) {
	if l.f.layout < 4 {
		return 0, ctx.Err()
	}
	for n, err = range stream(ctx, l.f, l.f.reads, "count the jobs of", waitingJobs, []any{l.f.identity.number},
		func(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) }) {
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}
