package postgres

import (
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// TestTablesOfVersion3: jobs know where their messages are but not where they were
// first, and there are no marks.
func TestTablesOfVersion3(t *testing.T) {
	dsn := pgtest.Database(t)
	f := openOf(t, dsn, false)
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	queue := uuid.New()
	job := storage.Job{ID: uuid.New(), Text: "a save", Kind: "save", State: storage.JobDead, Queue: queue, Epoch: 1 << 50, Sequence: 9}
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{job}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	old := backTo(t, dsn, 3)
	first := storage.Origin{Queue: queue, Epoch: 1 << 50, Sequence: 9}
	sees := func(f *Factory) {
		t.Helper()
		row, err := f.Ledger().Get(t.Context(), job.ID)
		if err != nil || row.Origin.Known() || row.First() != first {
			t.Errorf("the job is %+v (%v), want it first at %v", row, err, first)
		}
	}
	reader := openOf(t, dsn, true)
	sees(reader)
	f = openOf(t, dsn, false)
	sees(f)
	row, err := f.Ledger().Retry(t.Context(), job.ID)
	if err != nil || row.Origin != first || row.Sequence != 0 {
		t.Errorf("the job is %+v (%v) when it is tried again", row, err)
	}
	key := storage.MarkKey("person", "p1", queue)
	b := storage.Batch{Refs: []storage.Ref{{Model: "person", ID: "p1"}}, Marks: []uuid.UUID{key}}
	for _, want := range []int64{0, 1, 2} {
		err := f.Unit().Update(t.Context(), b, func(v storage.View) (storage.Writes, error) {
			m, _ := v.Mark(key)
			if m.Minor != want {
				t.Errorf("the mark is %d, want %d", m.Minor, want)
			}
			return storage.Writes{Marks: []storage.Mark{{Key: key, Minor: want + 1}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	// A program of version 3 that was connected before goes on.
	late := uuid.New()
	if _, err := old.Exec(t.Context(), `INSERT INTO specstar_jobs (store, id, text, kind, model, lane, submitter, state, attempt, subject, done, total, error_code, error_message, cancel, created, queue, epoch, sequence)
		SELECT store, $1, 'late', kind, model, lane, submitter, state, attempt, subject, done, total, error_code, error_message, cancel, created, $2, 5, 6 FROM specstar_jobs`,
		[16]byte(late), [16]byte(queue)); err != nil {
		t.Fatal(err)
	}
	if row, err := f.Ledger().Get(t.Context(), late); err != nil || row.First() != (storage.Origin{Queue: queue, Epoch: 5, Sequence: 6}) {
		t.Errorf("its job is %+v (%v)", row, err)
	}
}
