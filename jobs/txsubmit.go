package jobs

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Inserter is the part of a [storage.Ledger] that takes new jobs. That of
// postgres.Factory.LedgerIn does so inside a transaction of the caller's.
type Inserter interface {
	// Insert is that of [storage.Ledger].
	Insert(ctx context.Context, jobs []storage.Job) ([]bool, error)
}

// TxSubmitter writes jobs to a ledger and to no queue. Over a ledger inside a
// transaction they come into being with whatever else that commits, and never when it
// is rolled back. A worker's [Reconciler] publishes them after the commit.
type TxSubmitter struct {
	store     uuid.UUID
	namespace string
	ledger    Inserter
}

// NewTxSubmitter returns a submitter for the store with the given id, whose worker
// consumes the queue of the namespace ("default" unless the worker says otherwise).
func NewTxSubmitter(store uuid.UUID, namespace string, l Inserter) *TxSubmitter {
	return &TxSubmitter{store: store, namespace: namespace, ledger: l}
}

// Submit implements [Submitter]. All jobs are written by one statement, or none: an
// error is that of every receipt, and leaves the transaction as it was.
func (s *TxSubmitter) Submit(ctx context.Context, jobs ...Envelope) ([]Receipt, error) {
	receipts := make([]Receipt, len(jobs))
	rows := make([]storage.Job, len(jobs))
	for i, e := range jobs {
		e, m, err := messageOf(s.namespace, e, Envelope.Encode)
		receipts[i] = Receipt{ID: ID(s.store, e.ID), Text: e.ID}
		if err != nil {
			return fail(receipts, fmt.Errorf("submit job %s: %w", e.ID, err))
		}
		rows[i] = rowOf(s.store, e, m)
		if rows[i].NotBefore.IsZero() {
			rows[i].NotBefore = rows[i].Created // no queue holds it: it is due
		}
	}
	inserted, err := s.ledger.Insert(ctx, rows)
	if err != nil {
		return fail(receipts, fmt.Errorf("record jobs: %w", err))
	}
	for i := range receipts {
		receipts[i].Duplicate = !inserted[i]
	}
	return receipts, nil
}
