package postgres_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
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
	var archive bytes.Buffer
	stats, err := manager.NewCatalog(f, goldenBlobs(t), manager.Options{}).DumpTo(t.Context(), &archive, manager.DumpOptions{})
	if err != nil || len(stats.Warnings) > 0 {
		t.Fatalf("dump: %v, %v", stats.Warnings, err)
	}
	elsewhere := memory.New()
	t.Cleanup(func() { _ = elsewhere.Close() })
	blobs, err := storage.BuildBlobStore(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := manager.NewCatalog(elsewhere, blobs, manager.Options{}).LoadArchive(t.Context(), bytes.NewReader(archive.Bytes()), manager.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
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
