package jobs_test

import (
	"context"
	"errors"
	"testing"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// countedLedger counts the statements.
type countedLedger struct {
	storage.Ledger
	inserts int
}

func (l *countedLedger) Insert(ctx context.Context, list []storage.Job) ([]bool, error) {
	l.inserts++
	return l.Ledger.Insert(ctx, list)
}

// TestTxSubmitterWritesRowsAlone: many jobs are one statement, known ones are told, and
// one that is wrong or differs stops all.
func TestTxSubmitterWritesRowsAlone(t *testing.T) {
	f := memory.New()
	ledger := &countedLedger{Ledger: f.Ledger()}
	submitter := jobs.NewTxSubmitter(f.ID(), "ns", ledger)
	save := jobs.NewSave("person", "ann", manager.Operation{Op: manager.OpCreate, Data: []byte(`{}`)})
	save.ID = "order 17"
	first, err := submitter.Submit(t.Context(), save)
	if err != nil || first[0].ID != jobs.ID(f.ID(), "order 17") || first[0].Duplicate {
		t.Fatalf("Submit = %+v, %v", first, err)
	}
	many := []jobs.Envelope{save}
	for range 100 {
		e := jobs.NewBackfill("ann", "person")
		e.ID = ""
		many = append(many, e)
	}
	rs, err := submitter.Submit(t.Context(), many...)
	if err != nil || ledger.inserts != 2 || !rs[0].Duplicate || rs[1].Duplicate || rs[1].Text == "" || rs[1].ID == rs[2].ID {
		t.Fatalf("%d statements, receipts %+v …, %v", ledger.inserts, rs[:3], err)
	}
	row, err := f.Ledger().Get(t.Context(), rs[1].ID)
	if err != nil || row.Subject != "specstar.ns.jobs.bulk.backfill" || row.State != storage.JobQueued || len(row.Envelope) == 0 {
		t.Fatalf("row %+v, %v", row, err)
	}

	differs := save
	differs.User = "bob"
	var other *storage.JobDiffersError
	if _, err := submitter.Submit(t.Context(), jobs.NewBackfill("ann"), differs); !errors.As(err, &other) {
		t.Fatalf("other content under a used id: %v", err)
	}
	wrong := save
	wrong.Model = ""
	var invalid *jobs.EnvelopeError
	rs, err = submitter.Submit(t.Context(), jobs.NewBackfill("ann"), wrong)
	if !errors.As(err, &invalid) || rs[0].Err == nil || rs[1].Err == nil {
		t.Fatalf("a wrong job: %+v, %v", rs, err)
	}
	counts, err := f.Ledger().Count(t.Context(), storage.JobQueued)
	if err != nil || counts[storage.JobQueued] != 101 {
		t.Fatalf("jobs %v, %v", counts, err)
	}
}
