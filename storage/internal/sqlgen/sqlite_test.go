package sqlgen_test

import (
	"database/sql"
	"iter"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// TestSQLiteEqualsMatch compares the generated SQL, run by a real SQLite, with
// the reference on random rows and queries.
func TestSQLiteEqualsMatch(t *testing.T) { checkDrawn(t, openSQLite(t)) }

func TestSQLiteInjection(t *testing.T) { checkInjections(t, openSQLite(t)) }

func TestSQLiteLargestStatements(t *testing.T) { checkLargest(t, openSQLite(t)) }

type sqliteEngine struct {
	db   *sql.DB
	kept kept
}

func (e sqliteEngine) dialect() sqlgen.Dialect { return sqlgen.SQLite }

func (e sqliteEngine) holds(string) bool { return true }

func (e sqliteEngine) times() *rapid.Generator[time.Time] { return anyTimes }

func openSQLite(t testing.TB) sqliteEngine {
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
	return sqliteEngine{db, kept{}}
}

func (e sqliteEngine) fill(t failer, metas []resource.Meta) {
	t.Helper()
	e.kept.keep(metas)
	tx, err := e.db.Begin()
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(`DELETE FROM "metas of ""x"""`); err != nil {
		t.Fatalf("empty the table: %v", err)
	}
	for _, m := range metas {
		_, err := tx.Exec(`INSERT INTO "metas of ""x""" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
			string(m.ResourceID), []byte(m.ResourceID), m.CreatedTime.UnixMicro(), m.UpdatedTime.UnixMicro(), m.CreatedBy,
			m.UpdatedBy, m.IsDeleted, null(m.SchemaVersion), indexed(m), null(m.Rev.Status), null(m.Rev.CreatedBy),
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

// indexed is the text of the column, without paths that have a NUL.
func indexed(m resource.Meta) any {
	x, ok := m.IndexedData.Get()
	if !ok {
		return nil
	}
	data := maps.Collect(x.All())
	maps.DeleteFunc(data, func(path string, _ any) bool { return strings.Contains(path, "\x00") })
	x, err := resource.NewIndexed(data)
	if err != nil {
		panic(err) // it was indexed data before
	}
	return string(x.AppendJSON(nil))
}

func (e sqliteEngine) run(t failer, p sqlgen.Plan, q qb.Query) []resource.Meta {
	t.Helper()
	return gathered(t, p.SQL, p.Run(q, func(text string, args []any) iter.Seq2[resource.Meta, error] {
		return scanned(e, text, args, func(rows *sql.Rows) (m resource.Meta, err error) {
			var data []byte
			if err := rows.Scan(&data); err != nil {
				return m, err
			}
			return e.kept[string(data)], nil
		})
	}))
}

func (e sqliteEngine) count(t failer, p sqlgen.CountPlan, q qb.Query) (n int64) {
	t.Helper()
	counts := []any{&n, new(int64)}
	if p.Exact {
		counts = counts[:1]
	}
	if err := e.db.QueryRow(p.SQL, p.Args...).Scan(counts...); err != nil {
		t.Fatalf("%s: %v", p.SQL, err)
	}
	if p.Exact || *counts[1].(*int64) == 0 {
		return n
	}
	n, err := sqlgen.Total(scanned(e, p.Decide, p.DecideArgs, func(rows *sql.Rows) (c sqlgen.Counted, err error) {
		var data []byte
		if err := rows.Scan(&c.N, &data); err != nil || data == nil {
			return c, err
		}
		c.Some = true
		c.Meta = e.kept[string(data)]
		return c, nil
	}), q)
	if err != nil {
		t.Fatalf("%s: %v", p.Decide, err)
	}
	return n
}

// scanned yields the rows of a statement.
func scanned[T any](e sqliteEngine, text string, args []any, scan func(*sql.Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := e.db.Query(text, args...)
		if err != nil {
			yield(none, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			if v, err := scan(rows); !yield(v, err) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, err)
		}
	}
}

// gathered returns all rows.
func gathered(t failer, text string, rows iter.Seq2[resource.Meta, error]) []resource.Meta {
	t.Helper()
	var all []resource.Meta
	for m, err := range rows {
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, m)
	}
	return all
}

// steps are those of SQLite's plan.
func (e sqliteEngine) steps(t *testing.T, p sqlgen.Plan) []string {
	t.Helper()
	rows, err := e.db.Query("EXPLAIN QUERY PLAN "+p.SQL, p.Args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
