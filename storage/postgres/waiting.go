package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// Statements of jobs that wait and of unique keys, in the words of their indexes.
var (
	// parkJobs inserts jobs that wait, or has those wait that have not ended, are not
	// leased and are the same.
	parkJobs = insertJobs(jobColumns, nil, map[string]string{"created": serverTime}, sameJob+`DO UPDATE SET state = 'queued',
	not_before = excluded.not_before, origin = coalesce(`+firstPlace+`, excluded.origin), queue = NULL, epoch = NULL, sequence = NULL,
	error_code = excluded.error_code, error_message = excluded.error_message,
	envelope = coalesce(j.envelope, excluded.envelope), lease_until = NULL, token = NULL
	WHERE j.state IN ('queued', 'running') AND (j.token IS NULL OR j.lease_until IS NULL OR j.lease_until <= clock_timestamp())
		AND (j.envelope_hash IS NULL OR excluded.envelope_hash IS NULL OR j.envelope_hash = excluded.envelope_hash)`)

	waitingJobs = `SELECT count(*) FROM specstar_jobs WHERE store = $1 AND not_before IS NOT NULL AND state = 'queued'`
	// A job that is claimed waits no longer: those that run and wait are suspended.
	dueJobs = `SELECT ` + jobNames + ` FROM specstar_jobs
		WHERE store = $1 AND not_before <= clock_timestamp() AND not_before IS NOT NULL AND state IN ('queued', 'running')
		ORDER BY not_before, created, id LIMIT $2`

	keyHolders = `SELECT id, text, unique_key FROM specstar_jobs
		WHERE store = $1 AND unique_key = ANY($2) AND unique_key IS NOT NULL AND state IN ('queued', 'running')`
)

// unclaimed returns a storage.JobExistsError when another unfinished job has the unique
// key of one of the jobs.
func (j jobs) unclaimed(list []storage.Job) error {
	wanted := map[string]uuid.UUID{}
	var keys []string
	for i := range list {
		if key := clean(list[i].Unique); key != "" {
			wanted[key], keys = list[i].ID, append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	var other *storage.JobExistsError
	err := j.t.each(keyHolders, []any{j.store(), keys}, func(rows pgx.Rows) error {
		var found storage.JobExistsError
		if err := rows.Scan((*[16]byte)(&found.Job), &found.ID, &found.Unique); err != nil {
			return err
		}
		if found.ID == "" {
			found.ID = found.Job.String()
		}
		if wanted[found.Unique] != found.Job {
			other = &found
		}
		return nil
	})
	if err == nil && other != nil {
		err = other
	}
	return err
}

// Park has jobs wait until their NotBefore, without a message.
func (l ledger) Park(ctx context.Context, list []storage.Job) ([]storage.Job, error) {
	if len(list) == 0 {
		return []storage.Job{}, ctx.Err()
	}
	first := inOrder(list)
	for i := range first {
		first[i].State, first[i].Unique = storage.JobQueued, ""
		first[i].Origin = first[i].First()
		first[i].Queue, first[i].Epoch, first[i].Sequence = uuid.Nil, 0, 0
	}
	var rows map[uuid.UUID]storage.Job
	err := l.do(ctx, func(j jobs) (err error) {
		if _, err = j.t.execBinary(parkJobs, jobParams(jobColumns, j.store(), first)...); err != nil {
			return err
		}
		rows, err = j.rows(first)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]storage.Job, len(list))
	for i := range list {
		out[i] = cloneJob(rows[list[i].ID])
	}
	return out, nil
}

// Due returns queued and suspended jobs whose NotBefore has passed.
func (l ledger) Due(ctx context.Context, limit int) ([]storage.Job, error) {
	if l.f.version < 3 {
		return nil, ctx.Err()
	}
	var due []storage.Job
	for row, err := range l.read(ctx, dueJobs, l.store(), limit) {
		if err != nil {
			return nil, err
		}
		due = append(due, row)
	}
	return due, nil
}

// Waiting returns how many queued jobs have a NotBefore.
func (l ledger) Waiting(ctx context.Context) (int64, error) {
	if l.f.version < 3 || l.foreign() {
		return 0, ctx.Err()
	}
	n, err := collect(ctx, l.f, pooled{l.f}, "count the jobs of", waitingJobs, []any{l.store()},
		func(rows pgx.Rows) (n int64, err error) { return n, rows.Scan(&n) })
	if err != nil || len(n) == 0 {
		return 0, err
	}
	return n[0], nil
}
