package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
)

func TestTablesOfVersion2(t *testing.T) {
	dsn := pgtest.Database(t)
	f := openOf(t, dsn, false)
	job := storage.Job{ID: uuid.New(), Text: "a load", Kind: "load", Envelope: []byte("{}"), Subject: "s"}
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{job}); err != nil {
		t.Fatal(err)
	}
	if err := f.Ledger().Published(t.Context(), uuid.New(), []storage.Place{{Job: job.ID, Epoch: 3, Sequence: 4}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	old := backTo(t, dsn, 2)
	reader := openOf(t, dsn, true)
	f = openOf(t, dsn, false)
	for _, opened := range []*Factory{reader, f} {
		row, err := opened.Ledger().Find(t.Context(), job.Text)
		if err != nil || row.Sequence != 4 || !row.NotBefore.IsZero() || row.Unique != "" {
			t.Fatalf("the job is %+v (%v)", row, err)
		}
		if due, err := opened.Ledger().Due(t.Context(), 10); err != nil || len(due) > 0 {
			t.Fatalf("%d jobs are due (%v)", len(due), err)
		}
	}
	job.NotBefore = time.Now().Add(-time.Hour)
	if _, err := f.Ledger().Park(t.Context(), []storage.Job{job}); err != nil {
		t.Fatal(err)
	}
	if due, err := f.Ledger().Due(t.Context(), 10); err != nil || len(due) != 1 {
		t.Fatalf("%d jobs are due (%v)", len(due), err)
	}
	first := storage.Job{ID: uuid.New(), Text: "first", Kind: "load", Unique: "key"}
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{first}); err != nil {
		t.Fatal(err)
	}
	// A program of version 2 that was connected before goes on: it knows no keys.
	if _, err := old.Exec(t.Context(), `INSERT INTO specstar_jobs (store, id, text, kind, model, lane, submitter, state, attempt, subject, done, total, error_code, error_message, cancel, created, epoch, sequence)
		SELECT store, $1, 'late', kind, model, lane, submitter, state, attempt, subject, done, total, error_code, error_message, cancel, created, epoch, sequence FROM specstar_jobs WHERE text = 'first'`,
		[16]byte(uuid.New())); err != nil {
		t.Fatal(err)
	}
	_, err := f.Ledger().Insert(t.Context(), []storage.Job{{ID: uuid.New(), Kind: "load", Unique: "key"}})
	if exists, is := errors.AsType[*storage.JobExistsError](err); !is || exists.ID != "first" {
		t.Fatalf("a second job of the key: %v", err)
	}
}
