package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Attempt counts one attempt of each short job, inserting rows that are not there.
func (l ledger) Attempt(ctx context.Context, list []storage.Job) ([]storage.Job, error) {
	out := make([]storage.Job, len(list))
	err := l.do(ctx, func(j jobs) error {
		counted := map[uuid.UUID]storage.Job{}
		for i, job := range list {
			if done, ok := counted[job.ID]; ok {
				out[i] = done
				continue
			}
			row, found, err := j.find(job.ID)
			if err != nil {
				return err
			}
			if !found {
				job.State, job.Attempt, job.Unique = storage.JobQueued, 0, ""
				row = newJobRow(job, l.f.now())
			}
			if !row.State.Final() {
				row.Attempt++
				row.Started, row.NotBefore = l.f.now(), time.Time{}
				write := j.save
				if !found {
					write = j.add
				}
				if err := write(row); err != nil {
					return err
				}
			}
			out[i] = row.seen()
			counted[job.ID] = out[i]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Refund takes one attempt of each job back.
func (l ledger) Refund(ctx context.Context, ids []uuid.UUID) error {
	return l.do(ctx, func(j jobs) error {
		for _, id := range ids {
			_, err := j.t.exec(`UPDATE specstar_jobs SET attempt = max(attempt - 1, 0)
				WHERE store = ? AND id = ? AND state IN ('queued', 'running')`, j.store, id[:])
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Settle writes final rows of jobs that have no other effect.
func (l ledger) Settle(ctx context.Context, list []storage.Job) error {
	for _, job := range list {
		if err := job.State.CheckFinal(); err != nil {
			return fmt.Errorf("settle job %s: %w", job.ID, err)
		}
	}
	return l.do(ctx, func(j jobs) error {
		for _, job := range list {
			if err := j.settle(job, l.f.now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Published records that queue holds the messages of the jobs, and where.
func (l ledger) Published(ctx context.Context, queue uuid.UUID, places []storage.Place) error {
	return l.do(ctx, func(j jobs) error {
		for _, p := range places {
			row, found, err := j.find(p.Job)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			_, err = j.t.exec(`UPDATE specstar_jobs SET queue = ?, epoch = ?, sequence = ?, not_before = 0, origin = ?
				WHERE store = ? AND id = ? AND not_before IN (0, ?)`,
				idOrNull(queue), p.Epoch, int64(p.Sequence), bytesOrNull(row.First().Bytes()), j.store, p.Job[:], micros(p.NotBefore))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
