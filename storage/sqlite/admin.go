package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// edit applies fn to the row of a job and returns the job as it then is. An
// error of fn leaves the row as it was.
func (l ledger) edit(ctx context.Context, id uuid.UUID, fn func(jobs, *jobRow) error) (storage.Job, error) {
	var job storage.Job
	err := l.do(ctx, func(j jobs) error {
		row, err := j.get(id)
		if err != nil {
			return err
		}
		job = row.seen()
		if err := fn(j, &row); err != nil {
			return err
		}
		job = row.seen()
		return j.save(row)
	})
	return job, err
}

// Cancel ends a queued job at once and asks a running one to stop.
func (l ledger) Cancel(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return l.edit(ctx, id, func(_ jobs, row *jobRow) error { return row.AskCancel(l.f.now()) })
}

// Retry puts a refused, dead or cancelled job back to queued.
func (l ledger) Retry(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return l.edit(ctx, id, requeue)
}

func requeue(j jobs, row *jobRow) error {
	if err := row.Requeue(); err != nil {
		return err
	}
	return j.unclaimed(row.Job, "retry job "+row.ID.String())
}

// Drop removes the row of a job that has ended, with its chunks and what it
// still has staged.
func (l ledger) Drop(ctx context.Context, id uuid.UUID) error {
	return l.f.apart(ctx, "write the ledger of", func() error { return l.drop(ctx, id) })
}

func (l ledger) drop(ctx context.Context, id uuid.UUID) error {
	return l.do(ctx, func(j jobs) error {
		row, err := j.get(id)
		if err != nil {
			return err
		}
		if err := row.CheckDrop(); err != nil {
			return err
		}
		if err := l.f.unstage(j, id); err != nil {
			return err
		}
		return j.remove(id)
	})
}

// pruned is how many jobs one transaction of Prune looks at.
const pruned = 1000

// Prune removes jobs that ended before the given time, some in each transaction.
func (l ledger) Prune(ctx context.Context, before time.Time, states ...storage.JobState) (total int64, err error) {
	for last := (lastPruned{}); ; {
		var n int64
		err = l.f.apart(ctx, "write the ledger of", func() error {
			n, last, err = l.prune(ctx, before, states, last)
			return err
		})
		if total += n; err != nil || last.id == uuid.Nil {
			return total, err
		}
	}
}

// lastPruned is where a transaction of Prune ended, in the order of creation.
type lastPruned struct {
	created int64
	id      uuid.UUID
}

// pruneJobs finds ended jobs in the order of creation. No job ends before it is made,
// so the index of that time bounds the search.
const pruneJobs = `SELECT created, id FROM specstar_jobs AS j INDEXED BY specstar_jobs_created
	WHERE store = ?1 AND created < ?2 AND created >= ?3 AND (created > ?3 OR id > ?4)
	AND state IN (SELECT value FROM json_each(?5)) AND state NOT IN ('queued', 'running') AND finished < ?2
	AND NOT EXISTS (SELECT 1 FROM specstar_chunks AS c WHERE c.store = j.store AND c.job = j.id AND c.staged IS NOT NULL)
	ORDER BY created, id LIMIT ?6`

// prune removes up to pruned jobs that come after last and returns how many, and
// the last one when there may be more.
func (l ledger) prune(ctx context.Context, before time.Time, states []storage.JobState, last lastPruned) (n int64, next lastPruned, err error) {
	names, err := json.Marshal(states)
	if err != nil {
		return 0, lastPruned{}, err
	}
	if last.id == uuid.Nil {
		last.created = math.MinInt64
	}
	err = l.do(ctx, func(j jobs) error {
		var ids []uuid.UUID
		err := j.t.each(pruneJobs, []any{j.store, micros(before), last.created, last.id[:], string(names), pruned}, func(rows *sql.Rows) error {
			var id []byte
			if err := rows.Scan(&next.created, &id); err != nil {
				return err
			}
			next.id = uuid.UUID(id)
			ids = append(ids, next.id)
			return nil
		})
		if err != nil {
			return err
		}
		if n = int64(len(ids)); n < pruned {
			next = lastPruned{}
		}
		for _, id := range ids {
			if err := j.remove(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, lastPruned{}, err
	}
	return n, next, nil
}
