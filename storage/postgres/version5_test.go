package postgres

import (
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
)

// TestTablesOfVersion5: there is no audit trail.
func TestTablesOfVersion5(t *testing.T) {
	dsn := pgtest.Database(t)
	f := openOf(t, dsn, false)
	job := storage.Job{ID: uuid.New(), Text: "a load", Kind: "load", Envelope: []byte("{}"), Subject: "s"}
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{job}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	backTo(t, dsn, 5)
	reader := openOf(t, dsn, true)
	if n := trailOf(t, reader); n != 0 {
		t.Fatalf("%d entries are in a trail that is not there", n)
	}
	f = openOf(t, dsn, false)
	if _, err := f.Ledger().Act(t.Context(), storage.Act{Verb: storage.VerbCancel, Job: job.ID, By: "alice"}); err != nil {
		t.Fatal(err)
	}
	if n := trailOf(t, f); n != 1 {
		t.Fatalf("%d entries are in the trail", n)
	}
}

func trailOf(t *testing.T, f *Factory) (n int) {
	t.Helper()
	for _, err := range f.Ledger().Audits(t.Context(), storage.AuditFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
