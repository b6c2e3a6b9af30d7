package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/postgres"
)

// TestOldTablesAreReadAsTheyAre: without a right to change anything, what does not
// need the columns works: a dump, which has everything. The rest says what is missing.
func TestOldTablesAreReadAsTheyAre(t *testing.T) {
	dsn := oldDatabase(t)
	conn := connect(t, dsn)
	run(t, conn, `DELETE FROM person_meta WHERE resource_id = 'person:p4'`) // no load takes what lacks its revision
	before := lines(t, conn, catalogue)
	f := openStore(t, postgres.Config{DSN: dsn, ReadOnly: true})
	elsewhere := loadedElsewhere(t, f)
	for model, m := range goldenExpected(t).Models {
		want := m.state(t)
		for id := range want {
			for column := range want[id].Meta {
				if strings.HasPrefix(column, "rev_") {
					delete(want[id].Meta, column)
				}
			}
		}
		delete(want, "person:p4")
		if diff := cmp.Diff(want, stateOf(t, elsewhere, model)); diff != "" {
			t.Errorf("dump of %s (-original +ours):\n%s", model, diff)
		}
	}
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	checkQuery(t, stores.Metas, qb.Where(qb.Data("age").Gt(30), qb.CreatedBy().Eq("alice")))
	_, err = stores.Metas.Count(t.Context(), qb.Where(qb.RevStatus().Eq(resource.Stable)))
	if err == nil || !strings.Contains(err.Error(), "rev_status") || !strings.Contains(err.Error(), "open the store once") {
		t.Errorf("a search by a missing column: %v", err)
	}
	if diff := cmp.Diff(before, lines(t, conn, catalogue)); diff != "" {
		t.Errorf("reading changed the database:\n%s", diff)
	}
}
