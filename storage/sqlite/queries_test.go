package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/sqlite"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// eachEncoding runs a test with empty stores whose metas are in either encoding.
func eachEncoding(t *testing.T, test func(*testing.T, check.Open)) {
	for _, enc := range []resource.Encoding{resource.Msgpack, resource.JSON} {
		t.Run(string(enc), func(t *testing.T) {
			test(t, openBelow(t.TempDir(), enc))
		})
	}
}

// openBelow opens stores in directories below dir.
func openBelow(dir string, enc resource.Encoding) check.Open {
	return func(ctx context.Context, place string) (storage.Factory, error) {
		return sqlite.Open(ctx, sqlite.Config{Dir: filepath.Join(dir, place), Encoding: enc})
	}
}

func TestQueriesEqualMatch(t *testing.T) { eachEncoding(t, storagetest.RunQueries) }

func TestGoldenQueries(t *testing.T) { eachEncoding(t, storagetest.RunGolden) }

// TestInjection: what is in a query stays a value.
func TestInjection(t *testing.T) {
	dir := t.TempDir()
	storagetest.RunInjection(t, openBelow(dir, resource.JSON), func(t *testing.T) string {
		db, err := sql.Open("sqlite", filepath.Join(dir, "injection", "specstar.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		told := ""
		for _, table := range texts(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`) {
			told += table + " " + texts(t, db, `SELECT count(*) FROM "`+table+`"`)[0] + "\n"
		}
		return told
	})
}

// texts returns a column of texts.
func texts(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
