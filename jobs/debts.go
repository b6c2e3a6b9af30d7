package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

const (
	// maxDebts bounds what a store that is down is owed. What is more stays counted,
	// or leased until the lease is over.
	maxDebts = 10_000
	// debtBatch is how many attempts are given back in one transaction.
	debtBatch = 500
	// debtPatience is how long giving something back may take: it comes at the end
	// of an attempt, also while the process stops.
	debtPatience = 5 * time.Second
)

// debts is what was to be given back to the ledger while the store was down. It is
// paid before the ledger is next asked for an attempt, so that an outage counts
// none and a job's own claim does not stand in its way; a process owes a job one attempt
// at most. One that ends while the store is down forgets it: then the attempts stay
// counted, as they do of a job that another worker ends first. See usedUp for those
// of which one is missed.
type debts struct {
	paying chan struct{} // holds a token while somebody pays

	mu      sync.Mutex
	refunds []uuid.UUID // one for each attempt
	claims  []owedClaim
}

// owedClaim is a claim that is to be released.
type owedClaim struct {
	claim         storage.Claim
	refund        bool
	code, message string
}

func newDebts() *debts { return &debts{paying: make(chan struct{}, 1)} }

// oweAttempts notes attempts that are to be taken back and reports whether all of
// them are noted.
func (d *debts) oweAttempts(ids []uuid.UUID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(ids), max(maxDebts-d.count(), 0))
	d.refunds = append(d.refunds, ids[:n]...)
	return n == len(ids)
}

// oweClaim notes a claim that is to be released and reports whether it is noted.
func (d *debts) oweClaim(c owedClaim) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count() >= maxDebts {
		return false
	}
	d.claims = append(d.claims, c)
	return true
}

// count returns how much is owed. The caller holds mu.
func (d *debts) count() int { return len(d.refunds) + len(d.claims) }

func (d *debts) empty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count() == 0
}

// firstRefunds returns attempts to be taken back next, firstClaim a claim to be released.
func (d *debts) firstRefunds() []uuid.UUID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.refunds[:min(debtBatch, len(d.refunds))])
}

func (d *debts) firstClaim() (owedClaim, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.claims) == 0 {
		return owedClaim{}, false
	}
	return d.claims[0], true
}

// forget takes debts from the front, where only the one who pays takes them.
func (d *debts) forget(refunds, claims int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refunds = slices.Delete(d.refunds, 0, refunds)
	d.claims = slices.Delete(d.claims, 0, claims)
}

// pay gives back what is owed. An error says that the store is still down, or
// that ctx ended first; the rest stays owed.
func (x *Executor) pay(ctx context.Context) error {
	if x.debts.empty() {
		return nil
	}
	select {
	case x.debts.paying <- struct{}{}:
		defer func() { <-x.debts.paying }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for ids := x.debts.firstRefunds(); len(ids) > 0; ids = x.debts.firstRefunds() {
		if err := x.Ledger.Refund(ctx, ids); stillOwed(ctx, err) {
			return fmt.Errorf("take back attempts that an outage counted: %w", err)
		}
		x.debts.forget(len(ids), 0)
	}
	for c, ok := x.debts.firstClaim(); ok; c, ok = x.debts.firstClaim() {
		if err := x.releaseClaim(ctx, c); stillOwed(ctx, err) {
			return fmt.Errorf("release claims that an outage kept: %w", err)
		}
		x.debts.forget(0, 1)
	}
	return nil
}

// stillOwed reports whether paying can be tried again. Other errors, as of a claim
// that was lost or a job that was dropped, end the debt.
func stillOwed(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || pauses(err))
}

// giveBack takes attempts back, at once or when the store answers again. It
// reports false when they stay counted.
func (x *Executor) giveBack(ctx context.Context, ids []uuid.UUID) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), debtPatience)
	defer cancel()
	err := x.Ledger.Refund(ctx, ids)
	if stillOwed(ctx, err) {
		return x.debts.oweAttempts(ids)
	}
	return err == nil
}

// letGo releases a claim, at once or when the store answers again. It reports
// false when the claim holds until its lease is over.
func (x *Executor) letGo(ctx context.Context, c owedClaim) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), debtPatience)
	defer cancel()
	err := x.releaseClaim(ctx, c)
	if stillOwed(ctx, err) {
		return x.debts.oweClaim(c)
	}
	return err == nil
}

// releaseClaim releases a claim. When its lease was over first and another worker has the
// job by now, the attempt that is not to be counted is taken back all the same.
func (x *Executor) releaseClaim(ctx context.Context, c owedClaim) error {
	err := x.Ledger.Release(ctx, c.claim, c.refund, c.code, c.message)
	if c.refund && errors.Is(err, storage.ErrFenced) {
		return x.Ledger.Refund(ctx, []uuid.UUID{c.claim.Job})
	}
	return err
}

// countAttempts is Ledger.Attempt once everything that is owed was given back.
func (x *Executor) countAttempts(ctx context.Context, rows []storage.Job) ([]storage.Job, error) {
	if err := x.pay(ctx); err != nil {
		return nil, err
	}
	return x.Ledger.Attempt(ctx, rows)
}

// claim is Ledger.Claim once everything that is owed was given back.
func (x *Executor) claim(ctx context.Context, row storage.Job) (storage.Job, storage.Claim, error) {
	if err := x.pay(ctx); err != nil {
		return storage.Job{}, storage.Claim{}, err
	}
	return x.Ledger.Claim(ctx, row, x.Lease)
}
