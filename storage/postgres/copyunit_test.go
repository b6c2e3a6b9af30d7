package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// atOnce copies into the tables of openTables as a unit of work does.
func (f *Factory) atOnce(ctx context.Context, copies ...statement) error {
	return f.copyUnit(ctx, &prepared{}, copies)
}

// wantRows checks how many rows are in the two tables.
func (f *Factory) wantRows(t *testing.T, first, second int) {
	t.Helper()
	var a, b int
	err := f.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM first), (SELECT count(*) FROM second)`, pgx.QueryExecModeExec).Scan(&a, &b)
	if err != nil || a != first || b != second {
		t.Errorf("%d and %d rows are there, want %d and %d: %v", a, b, first, second, err)
	}
}

// All rows of a unit are there or none, whichever of its commands fails, and the
// connection goes on.
func TestCopiesCommitTogether(t *testing.T) {
	f := openTables(t)
	keys := make([]string, 2*rowsPerCopy+1)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	for name, copies := range map[string][]statement{
		"in the first command": {copyOfKeys("first", append([]string{"0"}, keys...)...), copyOfKeys("second", "x")},
		"in the last of some":  {copyOfKeys("first", append(slices.Clone(keys), "500")...), copyOfKeys("second", "x")},
		"in the last rows":     {copyOfKeys("first", keys...), copyOfKeys("second", "x", "x")},
	} {
		if err := f.atOnce(t.Context(), copies...); sqlState(err) != uniqueViolation {
			t.Errorf("a key twice %s: %v", name, err)
		}
		f.wantRows(t, 0, 0)
	}
	more := copyOfKeys("first", keys...)
	more.most = len(keys) - 2
	if err := f.atOnce(t.Context(), more, copyOfKeys("second", "x")); !errors.Is(err, errUnannounced) {
		t.Errorf("rows that no command takes: %v", err)
	}
	if err := f.write(t.Context(), "copy into", func(t *tx) error { t.queued = []statement{more}; return t.flush() }); !errors.Is(err, errUnannounced) {
		t.Errorf("rows that no command takes: %v", err)
	}
	f.wantRows(t, 0, 0)
	fewer := copyOfKeys("second", "x")
	fewer.most = 3 * rowsPerCopy
	if err := f.atOnce(t.Context(), copyOfKeys("first", keys...), fewer); err != nil {
		t.Error(err)
	}
	f.wantRows(t, len(keys), 1)
	if n := f.pool.Stat().NewConnsCount(); n > 4 { // two were given up
		t.Errorf("%d connections were made", n)
	}
}

// A caller who wants no more does not wait for others' locks, nothing of the unit
// stays, and the server waits no longer. The last rows of a unit are sent when the
// server has taken the others.
func TestCopiesThatWaitAreCut(t *testing.T) {
	f := openTables(t)
	for name, lock := range map[string]string{"at the first table": `LOCK TABLE first`, "at the last row": `INSERT INTO second VALUES ('x')`} {
		holder, err := f.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := holder.Exec(t.Context(), lock); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		err = f.repeat(ctx, "copy into", func(int) error { return f.atOnce(ctx, copyOfKeys("first", "a"), copyOfKeys("second", "x")) })
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 10*time.Second {
			t.Errorf("%s: after %s: %v", name, took, err)
		}
		cancel()
		if err := holder.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.wantRows(t, 0, 0)
	}
	if err := f.atOnce(t.Context(), copyOfKeys("first", "a"), copyOfKeys("second", "x")); err != nil {
		t.Error(err)
	}
	f.wantRows(t, 1, 1)
}

// Who wants no more before anything was sent gets nothing written.
func TestCopiesThatNobodyWants(t *testing.T) {
	f := openTables(t)
	ctx, cancel := context.WithCancel(t.Context())
	last := copyOfKeys("second", "x")
	rows := last.rows
	last.rows = func() *copyRows { cancel(); return rows() }
	if err := f.atOnce(ctx, copyOfKeys("first", "a"), last); !errors.Is(err, context.Canceled) {
		t.Errorf("the unit ended with %v", err)
	}
	f.wantRows(t, 0, 0)
}

// Connections that the server has ended while they were idle are passed over.
func TestCopiesPassDeadConnectionsOver(t *testing.T) {
	f := openTables(t)
	var idle []pgx.Tx
	for range f.pool.Config().MaxConns {
		tx, err := f.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, tx)
	}
	for _, tx := range idle {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	other, err := pgx.ConnectConfig(t.Context(), f.pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.WithoutCancel(t.Context())) }()
	var ended int
	err = other.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&ended)
	if err != nil || ended != len(idle) {
		t.Fatalf("%d of %d connections ended: %v", ended, len(idle), err)
	}
	if err := f.atOnce(t.Context(), copyOfKeys("first", "a"), copyOfKeys("second", "x")); err != nil {
		t.Error(err)
	}
	f.wantRows(t, 1, 1)
}

// Rows that cannot be encoded take their connection with them, but not its place.
func TestCopiesWhoseRowsPanic(t *testing.T) {
	f := openTables(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is lost")
			}
		}()
		bad := copyOfKeys("second", "x")
		bad.rows = func() *copyRows { panic("cannot be encoded") }
		_ = f.atOnce(t.Context(), copyOfKeys("first", "a"), bad)
	}()
	for end := time.Now().Add(10 * time.Second); f.pool.Stat().AcquiredConns() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the connection is still in use")
		}
	}
	f.wantRows(t, 0, 0)
}

// Units that need more than COPY, or look something up, are not sent at once.
func TestUnitsThatAreCopied(t *testing.T) {
	f := openTest(t)
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	names, err := f.tables(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	m := metaOf("person:1")
	r := resource.Revision{Data: []byte(`{}`), Info: resource.RevisionInfo{
		UID: uuid.New(), ResourceID: m.ResourceID, RevisionID: m.CurrentRevisionID, Status: resource.Stable,
		CreatedTime: m.CreatedTime, UpdatedTime: m.UpdatedTime, CreatedBy: "a", UpdatedBy: "a",
	}}
	job := endedJob()
	mark := storage.Mark{Key: uuid.New(), Major: 1, Time: endedAt}
	unit := func() (storage.Batch, storage.Writes) {
		b := storage.Batch{Refs: []storage.Ref{{Model: "person", ID: m.ResourceID}}, New: true, Jobs: []uuid.UUID{job.ID}, NewJobs: true, Marks: []uuid.UUID{mark.Key}}
		w := storage.ModelWrites{Metas: []resource.Meta{m}, Revisions: []resource.Revision{r}}
		return b, storage.Writes{Models: map[string]storage.ModelWrites{"person": w}, Jobs: []storage.Job{job}, Marks: []storage.Mark{mark}}
	}
	all := []string{names.meta, names.data, names.index, "specstar_marks", "specstar_jobs"}
	for name, tc := range map[string]struct {
		change func(*storage.Batch, *storage.Writes)
		want   []string
	}{
		"what is new": {func(*storage.Batch, *storage.Writes) {}, all},
		"no job":      {func(b *storage.Batch, w *storage.Writes) { b.Jobs, w.Jobs = nil, nil }, all[:4]},
		"no revision": {func(_ *storage.Batch, w *storage.Writes) {
			w.Models["person"] = storage.ModelWrites{Metas: []resource.Meta{m}}
		}, []string{all[0], all[3], all[4]}},
		"nothing":            {func(b *storage.Batch, w *storage.Writes) { *w = storage.Writes{} }, nil},
		"known resources":    {func(b *storage.Batch, _ *storage.Writes) { b.New = false }, nil},
		"known jobs":         {func(b *storage.Batch, _ *storage.Writes) { b.NewJobs = false }, nil},
		"a job without ends": {func(_ *storage.Batch, w *storage.Writes) { w.Jobs[0].Finished = time.Time{} }, nil},
		"one after another":  {func(b *storage.Batch, _ *storage.Writes) { b.Serial = []string{"person"} }, nil},
		"blobs": {func(_ *storage.Batch, w *storage.Writes) {
			p := w.Models["person"]
			p.Blobs = []string{"a"}
			w.Models["person"] = p
		}, nil},
		"what is purged": {func(b *storage.Batch, w *storage.Writes) {
			b.Refs = append(b.Refs, storage.Ref{Model: "person", ID: "person:2"})
			p := w.Models["person"]
			p.Purge = []resource.ID{"person:2"}
			w.Models["person"] = p
		}, nil},
	} {
		b, w := unit()
		tc.change(&b, &w)
		p, err := f.prepareAhead(t.Context(), map[string]tables{"person": names}, b, func(storage.View) (storage.Writes, error) { return w, nil })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, s := range p.copies() {
			got = append(got, s.table)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q are copied, want %q", name, got, tc.want)
		}
		if p != nil {
			p.close(&f.buffers)
		}
	}
}
