package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// TxLedger takes new jobs of a store inside a transaction of the caller's own. It can
// do nothing else: what exists is looked at and changed through [Factory.Ledger].
type TxLedger struct {
	f  *Factory
	tx pgx.Tx
}

// LedgerIn returns the ledger of the store inside tx, which is a transaction in the
// store's database, by a role that may insert into specstar_jobs.
func (f *Factory) LedgerIn(tx pgx.Tx) TxLedger { return TxLedger{f: f, tx: tx} }

// Insert adds rows that are not there, see [Factory.InsertIn].
func (l TxLedger) Insert(ctx context.Context, jobs []storage.Job) ([]bool, error) {
	return l.f.InsertIn(ctx, l.tx, jobs)
}
