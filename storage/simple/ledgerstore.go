package simple

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// ledger is [Jobs] in transactions.
type ledger struct{ s *Store }

func (l ledger) Insert(ctx context.Context, jobs []storage.Job) ([]bool, error) {
	return change(ctx, l.s, func(st *State) ([]bool, error) { return st.Jobs.Insert(jobs, now()) })
}

func (l ledger) Get(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return ask(ctx, l.s, func(st *State) (storage.Job, error) { return st.Jobs.Get(id) })
}

func (l ledger) Find(ctx context.Context, text string) (storage.Job, error) {
	return ask(ctx, l.s, func(st *State) (storage.Job, error) { return st.Jobs.Find(text) })
}

func (l ledger) List(ctx context.Context, f storage.JobFilter) iter.Seq2[storage.Job, error] {
	return Each(ctx, func() ([]storage.Job, error) {
		return ask(ctx, l.s, func(st *State) ([]storage.Job, error) { return st.Jobs.List(f), nil })
	})
}

func (l ledger) Count(ctx context.Context, states ...storage.JobState) (map[storage.JobState]int64, error) {
	return ask(ctx, l.s, func(st *State) (map[storage.JobState]int64, error) { return st.Jobs.Count(states...), nil })
}

func (l ledger) Chunks(ctx context.Context, job uuid.UUID) ([]storage.Chunk, error) {
	return ask(ctx, l.s, func(st *State) ([]storage.Chunk, error) { return st.Jobs.Chunks(job), nil })
}

func (l ledger) CountChunks(ctx context.Context, job uuid.UUID) (int, error) {
	return ask(ctx, l.s, func(st *State) (int, error) { return st.Jobs.CountChunks(job), nil })
}

func (l ledger) Suspend(ctx context.Context, c storage.Claim, until time.Time, p *storage.Plan, done storage.Progress) error {
	return l.s.tx.Write(ctx, func(st *State) error { return st.Jobs.Suspend(c, until, p, done, now()) })
}

func (l ledger) Plan(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return ask(ctx, l.s, func(st *State) (storage.Plan, error) { return st.Jobs.Plan(job) })
}

func (l ledger) Outline(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return ask(ctx, l.s, func(st *State) (storage.Plan, error) { return st.Jobs.Outline(job) })
}

func (l ledger) Wake(ctx context.Context, id uuid.UUID) (job storage.Job, woken bool, err error) {
	err = l.s.tx.Write(ctx, func(st *State) error {
		job, woken, err = st.Jobs.Wake(id, now())
		return err
	})
	return job, woken, err
}

func (l ledger) Claim(ctx context.Context, j storage.Job, lease time.Duration) (job storage.Job, c storage.Claim, err error) {
	err = l.s.tx.Write(ctx, func(st *State) error {
		job, c, err = st.Jobs.Claim(j, lease, now())
		return err
	})
	return job, c, err
}

func (l ledger) Renew(ctx context.Context, c storage.Claim, lease time.Duration, p storage.Progress) (storage.Job, error) {
	return change(ctx, l.s, func(st *State) (storage.Job, error) { return st.Jobs.Renew(c, lease, p, now()) })
}

func (l ledger) Finish(ctx context.Context, c storage.Claim, f storage.Final) error {
	return l.s.tx.Write(ctx, func(st *State) error { return st.Jobs.Finish(c, f, now()) })
}

func (l ledger) Release(ctx context.Context, c storage.Claim, refund bool, code, message string) error {
	return l.s.tx.Write(ctx, func(st *State) error { return st.Jobs.Release(c, refund, code, message) })
}

func (l ledger) Attempt(ctx context.Context, jobs []storage.Job) ([]storage.Job, error) {
	return change(ctx, l.s, func(st *State) ([]storage.Job, error) { return st.Jobs.Attempt(jobs, now()), nil })
}

func (l ledger) Refund(ctx context.Context, ids []uuid.UUID) error {
	return l.s.tx.Write(ctx, func(st *State) error { st.Jobs.Refund(ids); return nil })
}

func (l ledger) Settle(ctx context.Context, jobs []storage.Job) error {
	return l.s.tx.Write(ctx, func(st *State) error { return st.Jobs.Settle(jobs, now()) })
}

func (l ledger) Park(ctx context.Context, jobs []storage.Job) ([]storage.Job, error) {
	return change(ctx, l.s, func(st *State) ([]storage.Job, error) { return st.Jobs.Park(jobs, now()), nil })
}

func (l ledger) Due(ctx context.Context, limit int) ([]storage.Job, error) {
	return ask(ctx, l.s, func(st *State) ([]storage.Job, error) { return st.Jobs.Due(limit, now()), nil })
}

func (l ledger) Waiting(ctx context.Context) (int64, error) {
	return ask(ctx, l.s, func(st *State) (int64, error) { return st.Jobs.Waiting(), nil })
}

func (l ledger) Published(ctx context.Context, queue uuid.UUID, places []storage.Place) error {
	return l.s.tx.Write(ctx, func(st *State) error { st.Jobs.Published(queue, places); return nil })
}

func (l ledger) Takeover(ctx context.Context, queue uuid.UUID) (int, error) {
	return change(ctx, l.s, func(st *State) (int, error) { return st.Jobs.Takeover(queue), nil })
}

// Probe writes the state as it is.
func (l ledger) Probe(ctx context.Context) error {
	return l.s.tx.Write(ctx, func(*State) error { return nil })
}

func (l ledger) Cancel(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return change(ctx, l.s, func(st *State) (storage.Job, error) { return st.Jobs.Cancel(id, now()) })
}

func (l ledger) Retry(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return change(ctx, l.s, func(st *State) (storage.Job, error) { return st.Jobs.Retry(id) })
}

// Drop also forgets what the job staged.
func (l ledger) Drop(ctx context.Context, id uuid.UUID) error {
	return l.s.tx.Write(ctx, func(st *State) error {
		delete(st.Staged, id)
		return st.Jobs.Drop(id)
	})
}

// Prune also forgets what the jobs staged.
func (l ledger) Prune(ctx context.Context, before time.Time, states ...storage.JobState) (int64, error) {
	return change(ctx, l.s, func(st *State) (int64, error) {
		pruned := st.Jobs.Prune(before, states)
		for _, id := range pruned {
			delete(st.Staged, id)
		}
		return int64(len(pruned)), nil
	})
}

func (l ledger) PruneMarks(ctx context.Context, before time.Time) (int64, error) {
	return change(ctx, l.s, func(st *State) (int64, error) { return st.Jobs.PruneMarks(before), nil })
}

// Act also forgets what a dropped job staged.
func (l ledger) Act(ctx context.Context, a storage.Act) (job storage.Job, err error) {
	var refusal error
	err = l.s.tx.Write(ctx, func(st *State) error {
		job, refusal, err = st.Jobs.Act(a, now())
		if err == nil && refusal == nil && a.Verb == storage.VerbDrop {
			delete(st.Staged, a.Job)
		}
		return err
	})
	if err == nil {
		err = refusal
	}
	return job, err
}

func (l ledger) Audits(ctx context.Context, f storage.AuditFilter) iter.Seq2[storage.Audit, error] {
	return Each(ctx, func() ([]storage.Audit, error) {
		return ask(ctx, l.s, func(st *State) ([]storage.Audit, error) { return st.Jobs.Audits(f), nil })
	})
}

func (l ledger) PruneAudits(ctx context.Context, before time.Time) (int64, error) {
	return change(ctx, l.s, func(st *State) (int64, error) { return st.Jobs.PruneAudits(before), nil })
}
