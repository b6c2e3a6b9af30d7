package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// edit applies fn to the row of a job and returns the job as it then is. An
// error of fn leaves the row as it was.
func (l ledger) edit(ctx context.Context, id uuid.UUID, fn func(*jobRow) error) (storage.Job, error) {
	var job storage.Job
	err := l.do(ctx, func(j jobs) error {
		row, err := j.get(id)
		if err != nil {
			return err
		}
		job = row.seen()
		if err := fn(&row); err != nil {
			return err
		}
		job = row.seen()
		return j.save(row)
	})
	return job, err
}

// Cancel ends a queued job at once and asks a running one to stop.
func (l ledger) Cancel(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return l.edit(ctx, id, func(row *jobRow) error { return row.AskCancel(l.f.now()) })
}

// Retry puts a refused, dead or cancelled job back to queued.
func (l ledger) Retry(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return l.edit(ctx, id, func(row *jobRow) error { return row.Requeue() })
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
		if !row.State.Final() {
			return fmt.Errorf("drop job %s: it is %s and has not ended", id, row.State)
		}
		if err := l.f.unstage(j, id); err != nil {
			return err
		}
		return j.remove(id)
	})
}

// Prune removes jobs that were done before the given time.
func (l ledger) Prune(ctx context.Context, before time.Time) (n int64, err error) {
	err = l.f.apart(ctx, "write the ledger of", func() error {
		n, err = l.prune(ctx, before)
		return err
	})
	return n, err
}

func (l ledger) prune(ctx context.Context, before time.Time) (int64, error) {
	var ids []uuid.UUID
	err := l.do(ctx, func(j jobs) error {
		// No job ends before it is made, so the index of that time bounds the search.
		err := j.t.each(`SELECT id FROM specstar_jobs WHERE store = ?1 AND created < ?2 AND state = 'done' AND finished < ?2`,
			[]any{j.store, micros(before)}, func(rows *sql.Rows) error {
				var id []byte
				if err := rows.Scan(&id); err != nil {
					return err
				}
				ids = append(ids, uuid.UUID(id))
				return nil
			})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := j.remove(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int64(len(ids)), nil
}
