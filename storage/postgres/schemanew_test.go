package postgres

import (
	"io/fs"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/internal/pgtest"
)

// catalogue describes what makes up our tables.
const catalogue = `SELECT format('%s.%s %s %s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attcollation, a.attstorage, pg_get_expr(d.adbin, d.adrelid))
		FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
		LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.relkind = 'r' AND c.relname ~ '^specstar_'
	UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid WHERE c.relname ~ '^specstar_'
	UNION ALL SELECT r.conname || ' ' || pg_get_constraintdef(r.oid) FROM pg_constraint AS r JOIN pg_class AS c ON c.oid = r.conrelid WHERE c.relname ~ '^specstar_'
	UNION ALL SELECT format('version %s %s %s', id, version_id, is_applied) FROM specstar_schema
	ORDER BY 1`

// TestTheWholeSchemaIsThatOfTheMigrations: tables that are made at once are those
// that goose makes, and goose finds nothing left to do.
func TestTheWholeSchemaIsThatOfTheMigrations(t *testing.T) {
	var made [2][]string
	for i, fresh := range []bool{false, true} {
		pool, err := pgxpool.New(t.Context(), pgtest.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		f := &Factory{pool: pool}
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
		if fresh {
			for again := range 2 {
				if done, err := makeAll(t.Context(), conn.Conn()); err != nil || done != (again == 0) {
					t.Fatalf("made %v, %v", done, err)
				}
			}
		}
		if err := f.runMigrations(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(t.Context(), catalogue)
		if err != nil {
			t.Fatal(err)
		}
		if made[i], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatal(err)
		}
	}
	if len(made[0]) < 80 {
		t.Errorf("only %d facts are compared", len(made[0]))
	}
	if diff := cmp.Diff(made[0], made[1]); diff != "" {
		t.Error(diff)
	}
}

// TestMigrationsArePlain: what goose would do otherwise than as one script, and in
// the order of names, is in none.
func TestMigrationsArePlain(t *testing.T) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) != schemaVersion {
		t.Fatalf("%d migrations for version %d, %v", len(names), schemaVersion, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		said := regexp.MustCompile(`--\s*\+goose.*`).FindAllString(string(text), -1)
		if !slices.Equal(said, []string{"-- +goose Up"}) {
			t.Errorf("%s says %q", name, said)
		}
	}
}
