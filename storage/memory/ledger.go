package memory

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/simple"
)

// ledger holds the jobs of the store.
type ledger struct{ f *Factory }

func (l ledger) Insert(ctx context.Context, jobs []storage.Job) (inserted []bool, err error) {
	err = l.f.write(ctx, func(s *state) error {
		inserted, err = s.jobs.Insert(jobs, l.f.now())
		return err
	})
	return inserted, err
}

func (l ledger) Get(ctx context.Context, id uuid.UUID) (job storage.Job, err error) {
	err = l.f.read(ctx, func(s *state) error {
		job, err = s.jobs.Get(id)
		return err
	})
	return job, err
}

func (l ledger) Find(ctx context.Context, text string) (job storage.Job, err error) {
	err = l.f.read(ctx, func(s *state) error {
		job, err = s.jobs.Find(text)
		return err
	})
	return job, err
}

func (l ledger) List(ctx context.Context, f storage.JobFilter) iter.Seq2[storage.Job, error] {
	return simple.Each(ctx, func() (jobs []storage.Job, err error) {
		err = l.f.read(ctx, func(s *state) error {
			jobs = s.jobs.List(f)
			return nil
		})
		return jobs, err
	})
}

func (l ledger) Count(ctx context.Context, states ...storage.JobState) (counts map[storage.JobState]int64, err error) {
	err = l.f.read(ctx, func(s *state) error {
		counts = s.jobs.Count(states...)
		return nil
	})
	return counts, err
}

func (l ledger) Chunks(ctx context.Context, job uuid.UUID) (chunks []storage.Chunk, err error) {
	err = l.f.read(ctx, func(s *state) error {
		chunks = s.jobs.Chunks(job)
		return nil
	})
	return chunks, err
}

func (l ledger) CountChunks(ctx context.Context, job uuid.UUID) (n int, err error) {
	err = l.f.read(ctx, func(s *state) error {
		n = s.jobs.CountChunks(job)
		return nil
	})
	return n, err
}

func (l ledger) Suspend(ctx context.Context, c storage.Claim, until time.Time, p *storage.Plan, done storage.Progress) error {
	return l.f.write(ctx, func(s *state) error { return s.jobs.Suspend(c, until, p, done, l.f.now()) })
}

func (l ledger) Plan(ctx context.Context, job uuid.UUID) (p storage.Plan, err error) {
	err = l.f.read(ctx, func(s *state) error {
		p, err = s.jobs.Plan(job)
		return err
	})
	return p, err
}

func (l ledger) Outline(ctx context.Context, job uuid.UUID) (p storage.Plan, err error) {
	err = l.f.read(ctx, func(s *state) error {
		p, err = s.jobs.Outline(job)
		return err
	})
	return p, err
}

func (l ledger) Wake(ctx context.Context, id uuid.UUID) (job storage.Job, woken bool, err error) {
	err = l.f.write(ctx, func(s *state) error {
		job, woken, err = s.jobs.Wake(id, l.f.now())
		return err
	})
	return job, woken, err
}

func (l ledger) Claim(ctx context.Context, j storage.Job, lease time.Duration) (job storage.Job, c storage.Claim, err error) {
	job = j
	err = l.f.write(ctx, func(s *state) error {
		job, c, err = s.jobs.Claim(j, lease, l.f.now())
		return err
	})
	return job, c, err
}

func (l ledger) Renew(ctx context.Context, c storage.Claim, lease time.Duration, p storage.Progress) (job storage.Job, err error) {
	err = l.f.write(ctx, func(s *state) error {
		job, err = s.jobs.Renew(c, lease, p, l.f.now())
		return err
	})
	return job, err
}

func (l ledger) Finish(ctx context.Context, c storage.Claim, f storage.Final) error {
	return l.f.write(ctx, func(s *state) error { return s.jobs.Finish(c, f, l.f.now()) })
}

func (l ledger) Release(ctx context.Context, c storage.Claim, refund bool, code, message string) error {
	return l.f.write(ctx, func(s *state) error { return s.jobs.Release(c, refund, code, message) })
}

func (l ledger) Attempt(ctx context.Context, jobs []storage.Job) (rows []storage.Job, err error) {
	err = l.f.write(ctx, func(s *state) error {
		rows = s.jobs.Attempt(jobs, l.f.now())
		return nil
	})
	return rows, err
}

func (l ledger) Refund(ctx context.Context, ids []uuid.UUID) error {
	return l.f.write(ctx, func(s *state) error {
		s.jobs.Refund(ids)
		return nil
	})
}

func (l ledger) Settle(ctx context.Context, jobs []storage.Job) error {
	return l.f.write(ctx, func(s *state) error { return s.jobs.Settle(jobs, l.f.now()) })
}

func (l ledger) Park(ctx context.Context, jobs []storage.Job) (rows []storage.Job, err error) {
	err = l.f.write(ctx, func(s *state) error {
		rows = s.jobs.Park(jobs, l.f.now())
		return nil
	})
	return rows, err
}

func (l ledger) Due(ctx context.Context, limit int) (due []storage.Job, err error) {
	err = l.f.read(ctx, func(s *state) error {
		due = s.jobs.Due(limit, l.f.now())
		return nil
	})
	return due, err
}

func (l ledger) Waiting(ctx context.Context) (n int64, err error) {
	err = l.f.read(ctx, func(s *state) error {
		n = s.jobs.Waiting()
		return nil
	})
	return n, err
}

func (l ledger) Published(ctx context.Context, queue uuid.UUID, places []storage.Place) error {
	return l.f.write(ctx, func(s *state) error {
		s.jobs.Published(queue, places)
		return nil
	})
}

func (l ledger) Takeover(ctx context.Context, queue uuid.UUID) (n int, err error) {
	err = l.f.write(ctx, func(s *state) error {
		n = s.jobs.Takeover(queue)
		return nil
	})
	return n, err
}

// Probe has nothing that could refuse.
func (l ledger) Probe(ctx context.Context) error {
	return l.f.write(ctx, func(*state) error { return nil })
}

func (l ledger) Cancel(ctx context.Context, id uuid.UUID) (job storage.Job, err error) {
	err = l.f.write(ctx, func(s *state) error {
		job, err = s.jobs.Cancel(id, l.f.now())
		return err
	})
	return job, err
}

func (l ledger) Retry(ctx context.Context, id uuid.UUID) (job storage.Job, err error) {
	err = l.f.write(ctx, func(s *state) error {
		job, err = s.jobs.Retry(id)
		return err
	})
	return job, err
}

// Drop also forgets what the job staged.
func (l ledger) Drop(ctx context.Context, id uuid.UUID) error {
	return l.f.write(ctx, func(s *state) error {
		if err := s.jobs.Drop(id); err != nil {
			return err
		}
		delete(s.staged, id)
		return nil
	})
}

// Prune also forgets what the jobs staged.
func (l ledger) Prune(ctx context.Context, before time.Time, states ...storage.JobState) (int64, error) {
	var pruned []uuid.UUID
	err := l.f.write(ctx, func(s *state) error {
		pruned = s.jobs.Prune(before, states)
		for _, id := range pruned {
			delete(s.staged, id)
		}
		return nil
	})
	return int64(len(pruned)), err
}

func (l ledger) PruneMarks(ctx context.Context, before time.Time) (n int64, err error) {
	err = l.f.write(ctx, func(s *state) error {
		n = s.jobs.PruneMarks(before)
		return nil
	})
	return n, err
}

// Act also forgets what a dropped job staged.
func (l ledger) Act(ctx context.Context, a storage.Act) (job storage.Job, err error) {
	var refusal error
	err = l.f.write(ctx, func(s *state) error {
		job, refusal, err = s.jobs.Act(a, l.f.now())
		if err == nil && refusal == nil && a.Verb == storage.VerbDrop {
			delete(s.staged, a.Job)
		}
		return err
	})
	if err == nil {
		err = refusal
	}
	return job, err
}

func (l ledger) Audits(ctx context.Context, f storage.AuditFilter) iter.Seq2[storage.Audit, error] {
	return simple.Each(ctx, func() (found []storage.Audit, err error) {
		err = l.f.read(ctx, func(s *state) error {
			found = s.jobs.Audits(f)
			return nil
		})
		return found, err
	})
}

func (l ledger) PruneAudits(ctx context.Context, before time.Time) (n int64, err error) {
	err = l.f.write(ctx, func(s *state) error {
		n = s.jobs.PruneAudits(before)
		return nil
	})
	return n, err
}
