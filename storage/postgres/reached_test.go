package postgres_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/postgres"
)

// tablesOfOurs returns whether the database has the tables of this package.
func tablesOfOurs(t *testing.T, dsn string) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var there bool
	if err := conn.QueryRow(t.Context(), `SELECT to_regclass('specstar_jobs') IS NOT NULL`).Scan(&there); err != nil {
		t.Fatal(err)
	}
	return there
}

// TestReachedBeforeAnythingIsMade: once, when nothing is made yet, and never for a store
// that cannot be used.
func TestReachedBeforeAnythingIsMade(t *testing.T) {
	dsn := pgtest.Database(t)
	open := func(c postgres.Config) (made []bool, err error) {
		c.Reached = func() { made = append(made, tablesOfOurs(t, dsn)) }
		f, err := postgres.Open(t.Context(), c)
		if err == nil {
			err = f.Close()
		}
		return made, err
	}
	for i, want := range [][]bool{{false}, {true}} {
		if made, err := open(postgres.Config{DSN: dsn, Encoding: resource.JSON}); err != nil || !slices.Equal(made, want) {
			t.Fatalf("opening %d: reached with tables %v, want %v, %v", i+1, made, want, err)
		}
	}
	for name, c := range map[string]postgres.Config{
		"another encoding": {DSN: dsn, Encoding: resource.Msgpack},
		"no server":        {DSN: "postgres://u@127.0.0.1:1/db"},
		"no database":      {DSN: dsn + "&dbname=none"},
	} {
		if made, err := open(c); err == nil || made != nil {
			t.Errorf("%s: reached %v, %v", name, made, err)
		}
	}
}
