package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// ledger holds the jobs of the store.
type ledger struct{ f *Factory }

var _ storage.Ledger = ledger{}

// do runs a write transaction over the jobs.
func (l ledger) do(ctx context.Context, fn func(jobs) error) error {
	return l.f.do(ctx, "write the ledger of", func(t *tx) error { return fn(jobs{t: t, store: l.f.identity.number}) })
}

// Insert adds rows that are not there.
func (l ledger) Insert(ctx context.Context, list []storage.Job) ([]bool, error) {
	inserted := make([]bool, len(list))
	err := l.do(ctx, func(j jobs) error {
		for i, job := range list {
			row, found, err := j.find(job.ID)
			if err != nil {
				return err
			}
			if found && !sameHash(row.EnvelopeHash, job.EnvelopeHash) {
				return fmt.Errorf("insert jobs: %w", &storage.JobDiffersError{ID: row.Text})
			}
			if inserted[i] = !found; found {
				continue
			}
			if err := j.unclaimed(job, "insert jobs"); err != nil {
				return err
			}
			if err := j.add(newJobRow(job, l.f.now())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return inserted, nil
}

// sameHash reports whether two rows may be of the same message: a hash that is
// not known differs from none.
func sameHash(a, b []byte) bool { return len(a) == 0 || len(b) == 0 || bytes.Equal(a, b) }

// Get returns a job.
func (l ledger) Get(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	for j, err := range l.read(ctx, selectJob, l.f.identity.number, id[:]) {
		return j, err
	}
	return storage.Job{}, fmt.Errorf("job %s: %w", id, storage.ErrNotFound)
}

// Find returns the job whose text is the given one.
func (l ledger) Find(ctx context.Context, text string) (storage.Job, error) {
	for j, err := range l.read(ctx, `SELECT `+jobColumns+` FROM specstar_jobs WHERE store = ? AND text = ? AND text <> ''`, l.f.identity.number, text) {
		return j, err
	}
	if id, err := uuid.Parse(text); err == nil && id.String() == text {
		j, err := l.Get(ctx, id)
		if err != nil || j.Text == text {
			return j, err
		}
	}
	return storage.Job{}, fmt.Errorf("job %s: %w", text, storage.ErrNotFound)
}

// List returns jobs, newest first; jobs made at the same time by ascending id.
func (l ledger) List(ctx context.Context, f storage.JobFilter) iter.Seq2[storage.Job, error] {
	query, args := listJobs(l.f.identity.number, f)
	return l.read(ctx, query, args...)
}

// listJobs returns the query for List. It names its index: SQLite would rather
// read the jobs in order than sort, however many are done and not wanted.
func listJobs(store int64, f storage.JobFilter) (string, []any) {
	index := "specstar_jobs_created"
	where := []string{"store = ?"}
	args := []any{store}
	add := func(condition string, value any) {
		where = append(where, condition)
		args = append(args, value)
	}
	if len(f.States) > 0 {
		where = append(where, "state IN (?"+strings.Repeat(", ?", len(f.States)-1)+")")
		for _, s := range f.States {
			args = append(args, string(s))
		}
		if !slices.Contains(f.States, storage.JobDone) {
			index = "specstar_jobs_open"
			where = append(where, "state <> 'done'")
		}
	}
	if f.Kind != "" {
		add("kind = ?", f.Kind)
	}
	if f.Model != "" {
		add("model = ?", f.Model)
	}
	if f.Parent != uuid.Nil {
		index = "specstar_jobs_parent"
		add("parent = ?", f.Parent[:])
	}
	if f.Code != "" {
		add("error_code = ?", f.Code)
	}
	if !f.Since.IsZero() {
		add("iif(finished > 0, finished, created) >= ?", micros(f.Since))
	}
	if !f.Until.IsZero() {
		add("iif(finished > 0, finished, created) < ?", micros(f.Until))
	}
	if f.After != (storage.JobCursor{}) {
		at := micros(f.After.Created)
		where = append(where, "created <= ? AND (created < ? OR id > ?)")
		args = append(args, at, at, f.After.ID[:])
	}
	columns := jobColumns
	if f.Bare {
		columns = bareColumns
	}
	query := `SELECT ` + columns + ` FROM specstar_jobs INDEXED BY ` + index + ` WHERE ` + strings.Join(where, " AND ") + ` ORDER BY created DESC, id`
	if f.Limit > 0 {
		query += ` LIMIT ?`
		args = append(args, f.Limit)
	}
	return query, args
}

func (l ledger) read(ctx context.Context, query string, args ...any) iter.Seq2[storage.Job, error] {
	if l.f.layout < 3 {
		query = strings.Replace(query, `, epoch, sequence`, `, 0, 0`, 1)
	}
	if l.f.layout < 4 {
		query = strings.Replace(query, waitingColumns, `, 0, ''`, 1)
	}
	if l.f.layout < 5 {
		query = strings.Replace(query, ` origin,`, ` NULL,`, 1)
	}
	return stream(ctx, l.f, l.f.reads, "read the ledger of", query, args, func(rows *sql.Rows) (storage.Job, error) {
		r, err := scanJob(rows)
		return r.Job, err
	})
}

// countJobs returns the query for Count.
func countJobs(store int64, states []storage.JobState) (string, []any) {
	query, args := `SELECT state, count(*) FROM specstar_jobs WHERE store = ?`, []any{store}
	if len(states) > 0 {
		query += ` AND state IN (?` + strings.Repeat(", ?", len(states)-1) + `)`
		for _, s := range states {
			args = append(args, string(s))
		}
		if !slices.Contains(states, storage.JobDone) {
			query += ` AND state <> 'done'` // the words of the partial index
		}
	}
	return query + ` GROUP BY state`, args
}

// Count returns how many jobs are in each of the states.
func (l ledger) Count(ctx context.Context, states ...storage.JobState) (map[storage.JobState]int64, error) {
	type count struct {
		state storage.JobState
		n     int64
	}
	counts := map[storage.JobState]int64{}
	query, args := countJobs(l.f.identity.number, states)
	for c, err := range stream(ctx, l.f, l.f.reads, "count the jobs of", query, args,
		func(rows *sql.Rows) (c count, err error) { return c, rows.Scan(&c.state, &c.n) }) {
		if err != nil {
			return nil, err
		}
		counts[c.state] = c.n
	}
	return counts, nil
}
