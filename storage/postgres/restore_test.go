package postgres_test

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage/postgres"
)

// connect opens a session of the test's own, behind the back of any store.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	c.DefaultQueryExecMode = pgx.QueryExecModeExec // tables change under it
	conn, err := pgx.ConnectConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// run executes statements, separated by semicolons.
func run(t *testing.T, conn *pgx.Conn, statements string) {
	t.Helper()
	if _, err := conn.PgConn().Exec(t.Context(), statements).ReadAll(); err != nil {
		t.Fatalf("%v in\n%.500s", err, statements)
	}
}

// lines returns what a query of one text column gives.
func lines(t *testing.T, conn *pgx.Conn, query string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// restore runs the text of a plain pg_dump.
func restore(t *testing.T, dsn, script string) {
	t.Helper()
	conn := connect(t, dsn)
	for {
		before, after, found := strings.Cut(script, " FROM stdin;\n")
		if !found {
			run(t, conn, before)
			return
		}
		at := strings.LastIndex(before, "COPY ")
		run(t, conn, before[:at])
		data, rest, _ := strings.Cut(after, "\\.\n")
		if _, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader(data), before[at:]+" FROM stdin"); err != nil {
			t.Fatal(err)
		}
		script = rest
	}
}

// goldenDatabase restores what the original's PostgresStorageFactory made, into a
// database of its own.
func goldenDatabase(t *testing.T) string {
	t.Helper()
	dsn := pgtest.Database(t)
	restore(t, dsn, string(testdata(t, "testdata/pg_golden.sql")))
	return dsn
}

func testdata(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decoded[T any](t *testing.T, path string) (v T) {
	t.Helper()
	if err := json.Unmarshal(testdata(t, path), &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

// openStore opens a store and closes it with the test.
func openStore(t *testing.T, c postgres.Config) *postgres.Factory {
	t.Helper()
	f, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// catalogue describes all relations of a database: tables with their columns and
// indexes.
const catalogue = `SELECT n.nspname || '.' || c.relname || ' ' || c.relkind::text || coalesce(' ' || pg_get_indexdef(i.indexrelid), '')
	|| coalesce((SELECT string_agg(' ' || attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END, ',' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), '')
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
	WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1`

// rowsOf returns all rows of a table as JSON objects, whatever the order of columns.
func rowsOf(t *testing.T, conn *pgx.Conn, table string) []string {
	t.Helper()
	return lines(t, conn, `SELECT to_jsonb(t)::text FROM `+table+` AS t ORDER BY 1`)
}

// asRole returns the connection string for another role.
func asRole(t *testing.T, dsn, role string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	return u.String()
}

// dropRole removes a role of the shared cluster with all its rights in a database.
func dropRole(t *testing.T, dsn, role string) {
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(context.Background(), `DROP OWNED BY `+role); err != nil {
		t.Error(err)
	}
	if _, err := conn.Exec(context.Background(), `DROP ROLE `+role); err != nil {
		t.Error(err)
	}
}

// goldenRows returns all rows of the original's tables.
func goldenRows(t *testing.T, conn *pgx.Conn) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	for _, base := range []string{"person", "document", "sales_order"} {
		for _, suffix := range []string{"_meta", "_resource_data", "_resource_index"} {
			rows[base+suffix] = rowsOf(t, conn, base+suffix)
		}
	}
	return rows
}
