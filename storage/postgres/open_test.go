package postgres_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// transactions returns how many transactions the ended sessions of a database did:
// outside of BEGIN and COMMIT, each round trip is one.
func transactions(t *testing.T, dsn string) int {
	t.Helper()
	admin := connect(t, pgtest.Shared(t).DSN("postgres"))
	name := connect(t, dsn).Config().Database
	n, err := strconv.Atoi(lines(t, admin, `SELECT (xact_commit + xact_rollback)::text FROM pg_stat_database WHERE datname = $1`, name)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOpenIsQuick: a store that is up to date is open after two statements, however
// many models it has.
func TestOpenIsQuick(t *testing.T) {
	dsn := goldenDatabase(t)
	for range 2 {
		if err := openOnce(t, dsn); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(50 * time.Millisecond) // the sessions end
	before := transactions(t, dsn)
	const opened = 5
	start := time.Now()
	for range opened {
		if err := openOnce(t, dsn); err != nil {
			t.Fatal(err)
		}
	}
	each := time.Since(start) / opened
	time.Sleep(50 * time.Millisecond)
	if n := transactions(t, dsn) - before - 1; n > 6*opened { // one for connect in transactions
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
