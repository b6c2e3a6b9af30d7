package check

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

func brokenLedgers() map[string]broken {
	return map[string]broken{
		"claims without a fence": {
			open: withLedger(func(l storage.Ledger) storage.Ledger {
				return &fenceless{Ledger: l, live: map[uuid.UUID]storage.Claim{}}
			}),
			caught: []string{"G13/lost_claim_can_do_nothing", "G13/expired_lease_is_taken_over"},
		},
		"never gives an attempt back": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return unforgiving{l} }),
			caught: []string{"G15/refund_takes_an_attempt_back"},
		},
		"forgets where a message is": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return placeless{l} }),
			caught: []string{"G15/published_records_the_place"},
		},
		"keeps marks for ever": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return hoarder{l} }),
			caught: []string{"G28/prune_removes_old_marks"},
		},
		"forgets where a message was first": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return rootless{l} }),
			caught: []string{"G15/origin_is_the_first_place"},
		},
		"begins each page anew": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return pageless{l} }),
			caught: []string{"G15/list_in_pages"},
		},
		"probes with a job that stays": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return littering{l} }),
			caught: []string{"G15/probe_leaves_nothing"},
		},
		"settles what has ended": {
			open:   withLedger(func(l storage.Ledger) storage.Ledger { return lastWord{l} }),
			caught: []string{"G12/settle_leaves_an_ended_job"},
		},
	}
}

// fenceless lets whoever names a job act under its live claim.
type fenceless struct {
	storage.Ledger
	mu   sync.Mutex
	live map[uuid.UUID]storage.Claim
}

func (l *fenceless) Claim(ctx context.Context, j storage.Job, lease time.Duration) (storage.Job, storage.Claim, error) {
	job, claim, err := l.Ledger.Claim(ctx, j, lease)
	if err == nil {
		l.mu.Lock()
		l.live[j.ID] = claim
		l.mu.Unlock()
	}
	return job, claim, err
}

func (l *fenceless) claim(c storage.Claim) storage.Claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	if live, there := l.live[c.Job]; there {
		return live
	}
	return c
}

func (l *fenceless) Renew(ctx context.Context, c storage.Claim, lease time.Duration, p storage.Progress) (storage.Job, error) {
	return l.Ledger.Renew(ctx, l.claim(c), lease, p)
}

func (l *fenceless) Finish(ctx context.Context, c storage.Claim, f storage.Final) error {
	return l.Ledger.Finish(ctx, l.claim(c), f)
}

type unforgiving struct{ storage.Ledger }

func (unforgiving) Refund(ctx context.Context, _ []uuid.UUID) error { return ctx.Err() }

// placeless records the queue alone.
type placeless struct{ storage.Ledger }

func (l placeless) Published(ctx context.Context, queue uuid.UUID, places []storage.Place) error {
	bare := make([]storage.Place, len(places))
	for i, p := range places {
		bare[i].Job = p.Job
	}
	return l.Ledger.Published(ctx, queue, bare)
}

// pageless lists from the first job on.
type pageless struct{ storage.Ledger }

func (l pageless) List(ctx context.Context, f storage.JobFilter) iter.Seq2[storage.Job, error] {
	f.After = storage.JobCursor{}
	return l.Ledger.List(ctx, f)
}

// littering leaves its probes behind.
type littering struct{ storage.Ledger }

func (l littering) Probe(ctx context.Context) error {
	_, err := l.Insert(ctx, []storage.Job{storage.NewProbe()})
	return err
}

// lastWord lets the last final row of a job win.
type lastWord struct{ storage.Ledger }

func (l lastWord) Settle(ctx context.Context, jobs []storage.Job) error {
	for _, j := range jobs {
		if j.State.Final() {
			_ = l.Drop(ctx, j.ID) // it may not have ended yet
		}
	}
	return l.Ledger.Settle(ctx, jobs)
}

func brokenFactories() map[string]broken {
	return map[string]broken{
		"forgets after reopening": {
			open: survive(func(f surviving, again bool) storage.Factory {
				if again {
					return surviving{memory.New()}
				}
				return f
			}),
			caught: []string{
				"G1/resources_are_there_after_reopening", "G1/jobs_are_there_after_reopening",
				"G1/staged_load_goes_on_after_reopening", "G19/store_id_stays_after_reopening",
			},
		},
		"remembers models as they were first saved": {
			open:   over(func(f storage.Factory) storage.Factory { return stubborn{f} }),
			caught: []string{"G19/model_is_replaced"},
		},
		"a snapshot that goes on living": {
			open:   over(func(f storage.Factory) storage.Factory { return live{f} }),
			caught: []string{"G17/snapshot_shows_the_past", "G17/snapshot_lets_writers_write"},
		},
	}
}

type stubborn struct{ storage.Factory }

func (f stubborn) SaveModel(ctx context.Context, m storage.ModelInfo) error {
	if _, err := f.Build(ctx, m.Name); err == nil {
		return nil
	}
	return f.Factory.SaveModel(ctx, m)
}

// live shows the store as it is whenever it is looked at.
type live struct{ storage.Factory }

func (f live) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	return liveSnapshot{f.Factory}, ctx.Err()
}

type liveSnapshot struct{ f storage.Factory }

func (s liveSnapshot) Build(ctx context.Context, model string) (storage.MetaReader, storage.RevisionReader, error) {
	stores, err := s.f.Build(ctx, model)
	return stores.Metas, stores.Revisions, err
}

func (liveSnapshot) Close() error { return nil }
