package postgres_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// transactions returns how many transactions a database saw, once nobody is connected
// to it: outside of BEGIN and COMMIT, each round trip is one.
func transactions(t *testing.T, dsn string) int {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	admin := connect(t, pgtest.Shared(t).DSN("postgres"))
	for lines(t, admin, `SELECT count(*)::text FROM pg_stat_activity WHERE datname = $1`, c.Database)[0] != "0" {
		time.Sleep(5 * time.Millisecond) // a session counts when it ends
	}
	n, err := strconv.Atoi(lines(t, admin, `SELECT (xact_commit + xact_rollback)::text FROM pg_stat_database WHERE datname = $1`, c.Database)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOpenIsQuick: a store that is up to date is open after two statements, however
// many models it has.
func TestOpenIsQuick(t *testing.T) {
	dsn := pgtest.Database(t)
	f, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: fmt.Sprintf("m%d", i), Encoding: resource.JSON}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := openOnce(t, dsn); err != nil {
			t.Fatal(err)
		}
	}
	before := transactions(t, dsn)
	const opened = 5
	start := time.Now()
	for range opened {
		if err := openOnce(t, dsn); err != nil {
			t.Fatal(err)
		}
	}
	each := time.Since(start) / opened
	if n := transactions(t, dsn) - before; n > 6*opened {
		t.Errorf("%d times open were %d round trips", opened, n)
	} else {
		t.Logf("%d times open were %d round trips, %s each", opened, n, each)
	}
	if each > time.Second {
		t.Errorf("an open took %s", each)
	}
}

func openOnce(t *testing.T, dsn string) error {
	t.Helper()
	f, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn})
	if err != nil {
		return err
	}
	return f.Close()
}

// modelNames returns the models of a store.
func modelNames(t *testing.T, f storage.Factory) (names []string) {
	t.Helper()
	models, err := f.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range models {
		names = append(names, m.Name)
	}
	return names
}

func wantModels(t *testing.T, f storage.Factory, want ...string) {
	t.Helper()
	if got := modelNames(t, f); !slices.Equal(got, want) {
		t.Errorf("models are %q, want %q", got, want)
	}
}

func TestPrefixesAreStoresOfTheirOwn(t *testing.T) {
	dsn := pgtest.Database(t)
	script := string(testdata(t, "testdata/pg_golden.sql"))
	restore(t, dsn, script)
	// A second app's tables, and one whose name without suffix is too short for any prefix.
	prefixed := strings.NewReplacer("public.", "public.tp_", "INDEX idx_", "INDEX tp_idx_", "CONSTRAINT ", "CONSTRAINT tp_").Replace(script)
	restore(t, dsn, prefixed)
	run(t, connect(t, dsn), `CREATE TABLE tp_meta (LIKE person_meta)`)

	foreign := openStore(t, postgres.Config{DSN: dsn, TablePrefix: "tp_", ReadOnly: true})
	wantModels(t, foreign, "document", "person", "sales-order")
	// The store without a prefix cannot know better, until the other is opened.
	plain := openStore(t, postgres.Config{DSN: dsn})
	wantModels(t, plain, "document", "person", "sales-order", "tp-document", "tp-person", "tp-sales-order")
	other := openStore(t, postgres.Config{DSN: dsn, TablePrefix: "tp_"})
	if plain.ID() == other.ID() {
		t.Error("both stores have one id")
	}
	for range 2 { // the second time both have been opened before
		wantModels(t, plain, "document", "person", "sales-order")
		wantModels(t, other, "document", "person", "sales-order")
		plain, other = openStore(t, postgres.Config{DSN: dsn}), openStore(t, postgres.Config{DSN: dsn, TablePrefix: "tp_"})
	}
	goldenExpected(t).check(t, plain)
	goldenExpected(t).check(t, other)
	third := openStore(t, postgres.Config{DSN: dsn, TablePrefix: "tp_x"})
	wantModels(t, third)
	if err := third.SaveModel(t.Context(), storage.ModelInfo{Name: "y", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	wantModels(t, third, "y")
	wantModels(t, other, "document", "person", "sales-order")
	wantModels(t, openStore(t, postgres.Config{DSN: dsn, TablePrefix: "tp_", ReadOnly: true}), "document", "person", "sales-order")
	wantModels(t, openStore(t, postgres.Config{DSN: dsn, ReadOnly: true}), "document", "person", "sales-order")
}
