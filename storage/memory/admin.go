package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func (l ledger) Published(ctx context.Context, ids []uuid.UUID, queue uuid.UUID) error {
	return l.f.write(ctx, func(s *state) error {
		for _, id := range ids {
			if row, ok := s.jobs[id]; ok {
				row.Queue = queue
				s.jobs[id] = row
			}
		}
		return nil
	})
}

// edit applies fn to the row of a job and returns the job as it then is. An
// error of fn leaves the row as it was.
func (l ledger) edit(ctx context.Context, id uuid.UUID, fn func(*jobRow) error) (storage.Job, error) {
	var job storage.Job
	err := l.f.write(ctx, func(s *state) error {
		row, err := s.job(id)
		if err != nil {
			return err
		}
		job = copyJob(row.Job)
		if err := fn(&row); err != nil {
			return err
		}
		s.jobs[id] = row
		job = copyJob(row.Job)
		return nil
	})
	return job, err
}

func (l ledger) Cancel(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return l.edit(ctx, id, func(row *jobRow) error { return row.AskCancel(l.f.now()) })
}

func (l ledger) Retry(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return l.edit(ctx, id, func(row *jobRow) error { return row.Requeue() })
}

func (l ledger) Drop(ctx context.Context, id uuid.UUID) error {
	return l.f.write(ctx, func(s *state) error {
		row, err := s.job(id)
		if err != nil {
			return err
		}
		if !row.State.Final() {
			return fmt.Errorf("drop job %s: it is %s and has not ended", id, row.State)
		}
		s.remove(row.Job)
		return nil
	})
}

func (l ledger) Prune(ctx context.Context, before time.Time) (int64, error) {
	var n int64
	err := l.f.write(ctx, func(s *state) error {
		for _, row := range s.jobs {
			if row.State == storage.JobDone && row.Finished.Before(before) {
				s.remove(row.Job)
				n++
			}
		}
		return nil
	})
	return n, err
}

// remove forgets a job with its chunks and what it staged.
func (s *state) remove(j storage.Job) {
	delete(s.jobs, j.ID)
	delete(s.texts, j.Text)
	delete(s.chunks, j.ID)
	delete(s.staged, j.ID)
}
