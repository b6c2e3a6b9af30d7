package sqlgen_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// TestSQLiteEqualsMatch compares the generated SQL, run by a real SQLite, with
// the reference on random rows and queries.
func TestSQLiteEqualsMatch(t *testing.T) { checkDrawn(t, openSQLite(t)) }

func TestSQLiteInjection(t *testing.T) { checkInjections(t, openSQLite(t)) }

func TestSQLiteLargestStatements(t *testing.T) { checkLargest(t, openSQLite(t)) }

type sqliteEngine struct{ db *sql.DB }

func (e sqliteEngine) dialect() sqlgen.Dialect { return sqlgen.SQLite }

func (e sqliteEngine) holds(string) bool { return true }

func (e sqliteEngine) times() *rapid.Generator[time.Time] { return anyTimes }

func openSQLite(t *testing.T) sqliteEngine {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "metas.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.Exec(`PRAGMA synchronous = OFF; CREATE TABLE "metas of ""x""" (
		resource_id TEXT PRIMARY KEY, data BLOB NOT NULL, created_time INTEGER NOT NULL, updated_time INTEGER NOT NULL,
		created_by TEXT NOT NULL, updated_by TEXT NOT NULL, is_deleted INTEGER NOT NULL, schema_version TEXT,
		indexed_data TEXT, rev_status TEXT, rev_created_by TEXT, rev_updated_by TEXT, rev_created_time INTEGER,
		rev_updated_time INTEGER, total_revision_count INTEGER, current_revision_id TEXT)`)
	if err != nil {
		t.Fatal(err)
	}
	return sqliteEngine{db}
}

func (e sqliteEngine) fill(t failer, metas []resource.Meta) {
	t.Helper()
	tx, err := e.db.Begin()
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(`DELETE FROM "metas of ""x"""`); err != nil {
		t.Fatalf("empty the table: %v", err)
	}
	for _, m := range metas {
		_, err := tx.Exec(`INSERT INTO "metas of ""x""" VALUES (?,?,?,?,?,?,?,?,NULL,?,?,?,?,?,?,?)`,
			string(m.ResourceID), []byte("x"), m.CreatedTime.UnixMicro(), m.UpdatedTime.UnixMicro(), m.CreatedBy,
			m.UpdatedBy, m.IsDeleted, null(m.SchemaVersion), null(m.Rev.Status), null(m.Rev.CreatedBy),
			null(m.Rev.UpdatedBy), nullTime(m.Rev.CreatedTime), nullTime(m.Rev.UpdatedTime), m.TotalRevisionCount,
			string(m.CurrentRevisionID))
		if err != nil {
			t.Fatalf("insert: %v", err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func null[T ~string](v opt.Value[T]) any {
	if s, ok := v.Get(); ok {
		return string(s)
	}
	return nil
}

func nullTime(v opt.Value[time.Time]) any {
	if at, ok := v.Get(); ok {
		return at.UnixMicro()
	}
	return nil
}

func (e sqliteEngine) ids(t failer, text string, args []any) []string {
	t.Helper()
	rows, err := e.db.Query(text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	ids := []string{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return ids
}

func (e sqliteEngine) count(t failer, text string, args []any) (n int) {
	t.Helper()
	if err := e.db.QueryRow(text, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}
