package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/storage"
)

// edit applies fn to the row of a job and returns the job as it then is. An
// error of fn leaves the row as it was.
func (l ledger) edit(ctx context.Context, id uuid.UUID, fn func(jobs, *storage.Job) error) (storage.Job, error) {
	var job storage.Job
	err := l.do(ctx, func(j jobs) (err error) {
		if job, err = j.get(id); err != nil {
			return err
		}
		row := job
		if err := fn(j, &row); err != nil {
			return err
		}
		job = row
		return j.save(row)
	})
	return job, err
}

// save writes what edit may have changed of a row that is locked. A job that is not
// running has no claim.
func (j jobs) save(r storage.Job) error {
	_, err := j.t.exec(`UPDATE specstar_jobs SET state = $3, attempt = $4, queue = $5, outcome = $6, error_code = $7, error_message = $8,
		cancel = $9, started = $10, finished = $11, epoch = $12, sequence = $13, not_before = $14, origin = $15 WHERE store = $1 AND id = $2`,
		j.store(), [16]byte(r.ID), string(r.State), r.Attempt, idOrNull(r.Queue), bytesOrNull(r.Outcome), r.ErrorCode, r.ErrorMessage,
		r.Cancel, timeOrNull(r.Started), timeOrNull(r.Finished), r.Epoch, int64(r.Sequence), timeOrNull(r.NotBefore), bytesOrNull(r.Origin.Bytes()))
	return err
}

// Cancel ends a queued job at once and asks a running one to stop.
func (l ledger) Cancel(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return l.edit(ctx, id, func(j jobs, row *storage.Job) error {
		now, err := j.now()
		if err != nil {
			return err
		}
		return row.AskCancel(now)
	})
}

// Retry puts a refused, dead or cancelled job back to queued.
func (l ledger) Retry(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return l.edit(ctx, id, jobs.requeue)
}

// Drop removes the row of a job that has ended, with its chunks and what it
// still has staged. Chunks are locked before the row, as by those who work on it.
func (l ledger) Drop(ctx context.Context, id uuid.UUID) error {
	if l.f.medium != nil { // what is there cannot be removed in the transaction below
		if err := l.f.unstage(ctx, id, func(t *tx) (bool, error) { return t.hasEnded(id) }); err != nil {
			return err
		}
	}
	return l.do(ctx, func(j jobs) error {
		row, found, err := j.one(`SELECT `+jobNames+` FROM specstar_jobs WHERE store = $1 AND id = $2`, j.store(), [16]byte(id))
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("job %s: %w", id, storage.ErrNotFound)
		}
		if err := row.CheckDrop(); err != nil {
			return err
		}
		if err := j.t.unstage(id); err != nil {
			return err
		}
		if row, err = j.get(id); err != nil {
			return err
		}
		if err := row.CheckDrop(); err != nil {
			return err // it was queued again meanwhile
		}
		_, err = j.remove([]uuid.UUID{id})
		return err
	})
}

// pruned is how many jobs one transaction of Prune looks at.
const pruned = 1000

// Prune removes jobs that ended before the given time, some in each transaction.
func (l ledger) Prune(ctx context.Context, before time.Time, states ...storage.JobState) (int64, error) {
	var total int64
	var last lastPruned
	for {
		var n int64
		var next lastPruned
		err := l.do(ctx, func(j jobs) (err error) {
			n, next, err = j.prune(before, states, last)
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
		if next.id == uuid.Nil {
			return total, nil
		}
		last = next
	}
}

// lastPruned is where a transaction of Prune ended, in the order of creation.
type lastPruned struct {
	created pgtype.Timestamptz
	id      uuid.UUID
}

// Statements of prune. The first finds ended jobs in the order of creation: no job
// ends before it is made, so the index of that time bounds the search. The second
// locks those that still are as they were found: one may be queued again meanwhile.
const (
	pruneJobs = `SELECT created, id FROM specstar_jobs AS j WHERE store = $1 AND created < $2 AND state = ANY($6) AND state NOT IN ('queued', 'running')
		AND finished < $2 AND created >= $3 AND (created, id) > ($3, $4)
		AND NOT EXISTS (SELECT FROM specstar_chunks AS c WHERE c.store = j.store AND c.job = j.id AND c.staged IS NOT NULL)
		ORDER BY created, id LIMIT $5`
	lockPruned = `SELECT id FROM specstar_jobs WHERE store + 0 = $1 AND id = ANY($2) AND state || '' = ANY($3) AND finished < $4 ORDER BY id FOR UPDATE`
)

// prune removes up to pruned jobs that come after last and returns how many, and
// the last one when there may be more.
func (j jobs) prune(before time.Time, states []storage.JobState, last lastPruned) (n int64, next lastPruned, err error) {
	if !last.created.Valid {
		last.created = pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	}
	var ids []uuid.UUID
	err = j.t.each(pruneJobs, []any{j.store(), before, last.created, [16]byte(last.id), pruned, texts(states)}, func(rows pgx.Rows) error {
		err := rows.Scan(&next.created, (*[16]byte)(&next.id))
		ids = append(ids, next.id)
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, lastPruned{}, err
	}
	if len(ids) < pruned {
		next = lastPruned{}
	}
	raw := make([][16]byte, len(ids))
	for i, id := range sortedIDs(ids) {
		raw[i] = id
	}
	ids = ids[:0]
	err = j.t.each(lockPruned, []any{j.store(), raw, texts(states), before}, func(rows pgx.Rows) error {
		var id uuid.UUID
		err := rows.Scan((*[16]byte)(&id))
		ids = append(ids, id)
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, next, err
	}
	n, err = j.remove(ids)
	return n, next, err
}
