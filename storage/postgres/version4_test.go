package postgres

import (
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
)

// Tables that the program before migration 5 left take rows that leave columns out.
func TestTablesOfVersion4(t *testing.T) {
	dsn := pgtest.Database(t)
	f := openOf(t, dsn, false)
	first := endedJob()
	endJobs(t, f, first)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	backTo(t, dsn, 4)
	if _, err := openOf(t, dsn, true).Ledger().Get(t.Context(), first.ID); err != nil {
		t.Errorf("it cannot be read as it is: %v", err)
	}
	f = openOf(t, dsn, false)
	second := endedJob()
	endJobs(t, f, second)
	for _, id := range []uuid.UUID{first.ID, second.ID} {
		if row, err := f.Ledger().Get(t.Context(), id); err != nil || row.State != storage.JobDone {
			t.Errorf("job %s is %+v, %v", id, row, err)
		}
	}
}
