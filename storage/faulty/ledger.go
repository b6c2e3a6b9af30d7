package faulty

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

type ledger struct {
	l storage.Ledger
	p *Plan
}

func (l ledger) Insert(ctx context.Context, jobs []storage.Job) ([]bool, error) {
	return ask(ctx, l.p, "Ledger.Insert", func(ctx context.Context) ([]bool, error) { return l.l.Insert(ctx, jobs) })
}

func (l ledger) Get(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return ask(ctx, l.p, "Ledger.Get", func(ctx context.Context) (storage.Job, error) { return l.l.Get(ctx, id) })
}

func (l ledger) Find(ctx context.Context, text string) (storage.Job, error) {
	return ask(ctx, l.p, "Ledger.Find", func(ctx context.Context) (storage.Job, error) { return l.l.Find(ctx, text) })
}

func (l ledger) List(ctx context.Context, f storage.JobFilter) iter.Seq2[storage.Job, error] {
	return sequence(ctx, l.p, "Ledger.List", func(ctx context.Context) iter.Seq2[storage.Job, error] { return l.l.List(ctx, f) })
}

func (l ledger) Count(ctx context.Context, states ...storage.JobState) (map[storage.JobState]int64, error) {
	return ask(ctx, l.p, "Ledger.Count", func(ctx context.Context) (map[storage.JobState]int64, error) { return l.l.Count(ctx, states...) })
}

func (l ledger) Claim(ctx context.Context, j storage.Job, lease time.Duration) (storage.Job, storage.Claim, error) {
	type claimed struct {
		job   storage.Job
		claim storage.Claim
	}
	got, err := ask(ctx, l.p, "Ledger.Claim", func(ctx context.Context) (claimed, error) {
		job, claim, err := l.l.Claim(ctx, j, lease)
		return claimed{job, claim}, err
	})
	return got.job, got.claim, err
}

func (l ledger) Renew(ctx context.Context, c storage.Claim, lease time.Duration, p storage.Progress) (storage.Job, error) {
	return ask(ctx, l.p, "Ledger.Renew", func(ctx context.Context) (storage.Job, error) { return l.l.Renew(ctx, c, lease, p) })
}

func (l ledger) Finish(ctx context.Context, c storage.Claim, f storage.Final) error {
	return l.p.call(ctx, "Ledger.Finish", func(ctx context.Context) error { return l.l.Finish(ctx, c, f) })
}

func (l ledger) Release(ctx context.Context, c storage.Claim, refund bool, code, message string) error {
	return l.p.call(ctx, "Ledger.Release", func(ctx context.Context) error { return l.l.Release(ctx, c, refund, code, message) })
}

func (l ledger) Chunks(ctx context.Context, job uuid.UUID) ([]storage.Chunk, error) {
	return ask(ctx, l.p, "Ledger.Chunks", func(ctx context.Context) ([]storage.Chunk, error) { return l.l.Chunks(ctx, job) })
}

func (l ledger) CountChunks(ctx context.Context, job uuid.UUID) (int, error) {
	return ask(ctx, l.p, "Ledger.CountChunks", func(ctx context.Context) (int, error) { return l.l.CountChunks(ctx, job) })
}

func (l ledger) Suspend(ctx context.Context, c storage.Claim, until time.Time, p *storage.Plan, done storage.Progress) error {
	return l.p.call(ctx, "Ledger.Suspend", func(ctx context.Context) error { return l.l.Suspend(ctx, c, until, p, done) })
}

func (l ledger) Plan(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return ask(ctx, l.p, "Ledger.Plan", func(ctx context.Context) (storage.Plan, error) { return l.l.Plan(ctx, job) })
}

func (l ledger) Outline(ctx context.Context, job uuid.UUID) (storage.Plan, error) {
	return ask(ctx, l.p, "Ledger.Outline", func(ctx context.Context) (storage.Plan, error) { return l.l.Outline(ctx, job) })
}

func (l ledger) Wake(ctx context.Context, id uuid.UUID) (storage.Job, bool, error) {
	woken := false
	job, err := ask(ctx, l.p, "Ledger.Wake", func(ctx context.Context) (job storage.Job, err error) {
		job, woken, err = l.l.Wake(ctx, id)
		return job, err
	})
	return job, woken && err == nil, err
}

func (l ledger) Attempt(ctx context.Context, jobs []storage.Job) ([]storage.Job, error) {
	return ask(ctx, l.p, "Ledger.Attempt", func(ctx context.Context) ([]storage.Job, error) { return l.l.Attempt(ctx, jobs) })
}

func (l ledger) Refund(ctx context.Context, ids []uuid.UUID) error {
	return l.p.call(ctx, "Ledger.Refund", func(ctx context.Context) error { return l.l.Refund(ctx, ids) })
}

func (l ledger) Settle(ctx context.Context, jobs []storage.Job) error {
	return l.p.call(ctx, "Ledger.Settle", func(ctx context.Context) error { return l.l.Settle(ctx, jobs) })
}

func (l ledger) Park(ctx context.Context, jobs []storage.Job) ([]storage.Job, error) {
	return ask(ctx, l.p, "Ledger.Park", func(ctx context.Context) ([]storage.Job, error) { return l.l.Park(ctx, jobs) })
}

func (l ledger) Due(ctx context.Context, limit int) ([]storage.Job, error) {
	return ask(ctx, l.p, "Ledger.Due", func(ctx context.Context) ([]storage.Job, error) { return l.l.Due(ctx, limit) })
}

func (l ledger) Waiting(ctx context.Context) (int64, error) {
	return ask(ctx, l.p, "Ledger.Waiting", func(ctx context.Context) (int64, error) { return l.l.Waiting(ctx) })
}

func (l ledger) Published(ctx context.Context, queue uuid.UUID, places []storage.Place) error {
	return l.p.call(ctx, "Ledger.Published", func(ctx context.Context) error { return l.l.Published(ctx, queue, places) })
}

func (l ledger) Takeover(ctx context.Context, queue uuid.UUID) (int, error) {
	return ask(ctx, l.p, "Ledger.Takeover", func(ctx context.Context) (int, error) { return l.l.Takeover(ctx, queue) })
}

func (l ledger) Probe(ctx context.Context) error {
	return l.p.call(ctx, "Ledger.Probe", l.l.Probe)
}

func (l ledger) Cancel(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return ask(ctx, l.p, "Ledger.Cancel", func(ctx context.Context) (storage.Job, error) { return l.l.Cancel(ctx, id) })
}

func (l ledger) Retry(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return ask(ctx, l.p, "Ledger.Retry", func(ctx context.Context) (storage.Job, error) { return l.l.Retry(ctx, id) })
}

func (l ledger) Drop(ctx context.Context, id uuid.UUID) error {
	return l.p.call(ctx, "Ledger.Drop", func(ctx context.Context) error { return l.l.Drop(ctx, id) })
}

func (l ledger) Prune(ctx context.Context, before time.Time, states ...storage.JobState) (int64, error) {
	return ask(ctx, l.p, "Ledger.Prune", func(ctx context.Context) (int64, error) { return l.l.Prune(ctx, before, states...) })
}

func (l ledger) PruneMarks(ctx context.Context, before time.Time) (int64, error) {
	return ask(ctx, l.p, "Ledger.PruneMarks", func(ctx context.Context) (int64, error) { return l.l.PruneMarks(ctx, before) })
}

func (l ledger) Act(ctx context.Context, a storage.Act) (storage.Job, error) {
	return ask(ctx, l.p, "Ledger.Act", func(ctx context.Context) (storage.Job, error) { return l.l.Act(ctx, a) })
}

func (l ledger) Audits(ctx context.Context, f storage.AuditFilter) iter.Seq2[storage.Audit, error] {
	return sequence(ctx, l.p, "Ledger.Audits", func(ctx context.Context) iter.Seq2[storage.Audit, error] { return l.l.Audits(ctx, f) })
}

func (l ledger) PruneAudits(ctx context.Context, before time.Time) (int64, error) {
	return ask(ctx, l.p, "Ledger.PruneAudits", func(ctx context.Context) (int64, error) { return l.l.PruneAudits(ctx, before) })
}
