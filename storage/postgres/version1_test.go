package postgres

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
)

// undone are the statements that take each migration back.
var undone = map[int][]string{
	2: {`ALTER TABLE specstar_jobs DROP COLUMN epoch, DROP COLUMN sequence`},
	3: {`ALTER TABLE specstar_jobs DROP COLUMN not_before, DROP COLUMN unique_key`},
	4: {`ALTER TABLE specstar_jobs DROP COLUMN origin`, `DROP TABLE specstar_marks`},
	5: {`ALTER TABLE specstar_jobs ALTER COLUMN text DROP DEFAULT, ALTER COLUMN done DROP DEFAULT, ALTER COLUMN total DROP DEFAULT,
		ALTER COLUMN error_code DROP DEFAULT, ALTER COLUMN error_message DROP DEFAULT, ALTER COLUMN cancel DROP DEFAULT`},
	6: {`DROP TABLE specstar_audit`},
	7: {
		`DROP TABLE specstar_plans`, `DROP INDEX specstar_jobs_due`,
		`CREATE INDEX specstar_jobs_due ON specstar_jobs (store, not_before) WHERE not_before IS NOT NULL AND state = 'queued'`,
	},
}

// backTo makes the tables what the program of an earlier version left.
func backTo(t *testing.T, dsn string, version int) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	for v := schemaVersion; v > version; v-- {
		for _, statement := range undone[v] {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := conn.Exec(t.Context(), `DELETE FROM specstar_schema WHERE version_id > $1`, version); err != nil {
		t.Fatal(err)
	}
	return conn
}

// openOf opens a store once more.
func openOf(t *testing.T, dsn string, readOnly bool) *Factory {
	t.Helper()
	f, err := Open(t.Context(), Config{DSN: dsn, ReadOnly: readOnly})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestTablesOfVersion1(t *testing.T) {
	dsn := pgtest.Database(t)
	f := openOf(t, dsn, false)
	job, queue := storage.Job{ID: uuid.New(), Text: "a load", Kind: "load", Envelope: []byte("{}"), Subject: "s"}, uuid.New()
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{job}); err != nil {
		t.Fatal(err)
	}
	if err := f.Ledger().Published(t.Context(), queue, []storage.Place{{Job: job.ID}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	old := backTo(t, dsn, 1)
	sees := func(f *Factory, epoch int64, sequence uint64) {
		t.Helper()
		for row, err := range f.Ledger().List(t.Context(), storage.JobFilter{}) {
			if err != nil || row.ID != job.ID || row.Queue != queue || row.Epoch != epoch || row.Sequence != sequence {
				t.Errorf("the job is %+v (%v), want it at %d:%d", row, err, epoch, sequence)
			}
		}
		if row, err := f.Ledger().Find(t.Context(), job.Text); err != nil || row.Epoch != epoch || row.Sequence != sequence {
			t.Errorf("the job is %+v (%v), want it at %d:%d", row, err, epoch, sequence)
		}
	}
	reader := openOf(t, dsn, true)
	sees(reader, 0, 0)
	f = openOf(t, dsn, false)
	sees(f, 0, 0)
	if err := f.Ledger().Published(t.Context(), queue, []storage.Place{{Job: job.ID, Epoch: 1 << 50, Sequence: 7}}); err != nil {
		t.Fatal(err)
	}
	sees(f, 1<<50, 7)
	sees(reader, 0, 0) // it reads as it was opened

	// A program of version 1 that was connected before goes on.
	other := uuid.New()
	for _, statement := range []string{
		`UPDATE specstar_jobs SET queue = NULL WHERE text = 'a load' AND id <> $1`,
		`INSERT INTO specstar_jobs (store, id, text, kind, model, lane, submitter, state, attempt, subject, done, total, error_code, error_message, cancel, created)
			SELECT store, $1, 'late', kind, model, lane, submitter, state, attempt, subject, done, total, error_code, error_message, cancel, created FROM specstar_jobs`,
	} {
		if _, err := old.Exec(t.Context(), statement, [16]byte(other)); err != nil {
			t.Fatal(err)
		}
	}
	row, err := f.Ledger().Get(t.Context(), other)
	if err != nil || row.Epoch != 0 || row.Sequence != 0 {
		t.Errorf("its job is %+v (%v)", row, err)
	}
	if row, _, err = f.Ledger().Claim(t.Context(), row, time.Minute); err != nil || row.State != storage.JobRunning {
		t.Errorf("its job is %+v (%v) when it is claimed", row, err)
	}
}
