package check

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// brokenLoads are stores whose loads have a defect.
func brokenLoads() map[string]broken {
	const check = "G13/unstage_needs_the_claim_or_the_end"
	return map[string]broken{
		"unstages under a lost claim": {
			open:   over(func(f storage.Factory) storage.Factory { return newUnstaging(f, false) }),
			caught: []string{check},
		},
		"unstages a running job": {
			open:   over(func(f storage.Factory) storage.Factory { return newUnstaging(f, true) }),
			caught: []string{check},
		},
	}
}

// unstaging forgets what is staged for those who may not: under a lost claim or, with
// ended, where there is none.
type unstaging struct {
	storage.Factory
	ended bool

	mu     sync.Mutex
	claims map[uuid.UUID]storage.Claim // the last of each job
}

func newUnstaging(f storage.Factory, ended bool) storage.Factory {
	return &unstaging{Factory: f, ended: ended, claims: map[uuid.UUID]storage.Claim{}}
}

func (f *unstaging) Ledger() storage.Ledger { return notingLedger{f.Factory.Ledger(), f} }

func (f *unstaging) Unit() storage.UnitOfWork { return unstagingUnit{f.Factory.Unit(), f} }

type notingLedger struct {
	storage.Ledger
	f *unstaging
}

func (l notingLedger) Claim(ctx context.Context, job storage.Job, lease time.Duration) (storage.Job, storage.Claim, error) {
	job, c, err := l.Ledger.Claim(ctx, job, lease)
	if err == nil {
		l.f.mu.Lock()
		defer l.f.mu.Unlock()
		l.f.claims[c.Job] = c
	}
	return job, c, err
}

type unstagingUnit struct {
	storage.UnitOfWork
	f *unstaging
}

func (u unstagingUnit) Unstage(ctx context.Context, c storage.Claim) error {
	u.f.mu.Lock()
	last, claimed := u.f.claims[c.Job]
	u.f.mu.Unlock()
	if claimed && (c.Token == uuid.Nil) == u.f.ended {
		if err := u.UnitOfWork.Unstage(ctx, last); err == nil {
			return nil
		}
	}
	return u.UnitOfWork.Unstage(ctx, c)
}
