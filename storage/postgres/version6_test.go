package postgres

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
)

// TestTablesOfVersion6: no job has a plan, and none is suspended.
func TestTablesOfVersion6(t *testing.T) {
	dsn := pgtest.Database(t)
	f := openOf(t, dsn, false)
	waits := storage.Job{ID: uuid.New(), Kind: "load", Envelope: []byte("{}"), Subject: "s", NotBefore: time.Now().Add(-time.Hour)}
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{waits}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	conn := backTo(t, dsn, 6)
	if _, err := conn.Exec(t.Context(), `INSERT INTO specstar_chunks (store, job, no) SELECT store, id, 3 FROM specstar_jobs`); err != nil {
		t.Fatal(err)
	}
	reader := openOf(t, dsn, true)
	wantUnplanned(t, reader, waits.ID)

	f = openOf(t, dsn, false)
	wantUnplanned(t, f, waits.ID)
	other := storage.Job{ID: uuid.New(), Kind: "load"}
	p := storage.Plan{Digest: bytes.Repeat([]byte{7}, storage.PlanDigestBytes), Chunks: 2, Total: 9, Body: []byte("body")}
	_, c, err := f.Ledger().Claim(t.Context(), other, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Ledger().Suspend(t.Context(), c, time.Time{}, &p, storage.Progress{}); err != nil {
		t.Fatal(err)
	}
	if got := dueOf(t, f); !slices.Equal(got, []uuid.UUID{waits.ID, other.ID}) {
		t.Errorf("due are %v", got)
	}
	if got, err := f.Ledger().Plan(t.Context(), other.ID); err != nil || !bytes.Equal(got.Body, p.Body) {
		t.Errorf("the plan is %+v, %v", got, err)
	}
}

// wantUnplanned checks what is read of the one job, which waits and has one chunk.
func wantUnplanned(t *testing.T, f *Factory, job uuid.UUID) {
	t.Helper()
	if got := dueOf(t, f); !slices.Equal(got, []uuid.UUID{job}) {
		t.Errorf("due are %v", got)
	}
	if _, err := f.Ledger().Plan(t.Context(), job); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("plan: %v", err)
	}
	if n, err := f.Ledger().CountChunks(t.Context(), job); n != 1 || err != nil {
		t.Errorf("%d chunks, %v", n, err)
	}
}

func dueOf(t *testing.T, f *Factory) (ids []uuid.UUID) {
	t.Helper()
	due, err := f.Ledger().Due(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range due {
		ids = append(ids, j.ID)
	}
	return ids
}
