package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// oddNames are names of models that are no plain identifiers of SQL.
var oddNames = []string{
	`order`, `select`, `a"b`, `a"; DROP TABLE specstar_models; --`, `a'b`, `x'); DELETE FROM specstar_store; --`, `ünïcode`, `my model`,
	`100%`, `a.b`, `a\b`, `$1`, `$$`, `功夫`, `-`, `MixedCase`, "tab\tname", strings.Repeat("n", 38),
}

// metaAt returns a meta with one indexed value.
func metaAt(t *testing.T, id resource.ID, path string, value any) resource.Meta {
	t.Helper()
	at := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	m := resource.Meta{ResourceID: id, CurrentRevisionID: id.Revision(1), TotalRevisionCount: 1, CreatedTime: at, UpdatedTime: at, CreatedBy: "a", UpdatedBy: "a"}
	if path != "" {
		x, err := resource.NewIndexed(map[string]any{path: value})
		if err != nil {
			t.Fatal(err)
		}
		m.IndexedData = opt.Of(x)
	}
	return m
}

func TestNamesAreOnlyNames(t *testing.T) {
	dsn := pgtest.Database(t)
	f := openStore(t, postgres.Config{DSN: dsn, TablePrefix: `p"'%_`})
	for _, name := range oddNames {
		if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: name, Encoding: resource.JSON, IndexedPaths: []string{name}}); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		stores, err := f.Build(t.Context(), name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		m := metaAt(t, resource.ID(name+":1"), name, name)
		m.CreatedBy, m.UpdatedBy = name, name
		if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{m}); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		for _, q := range []qb.Query{
			{},
			qb.Where(qb.Data(name).Eq(name)).OrderBy(qb.Data(name).Desc()),
			qb.Where(qb.Data(name).StartsWith(name), qb.CreatedBy().Eq(name), qb.ResourceID().In(m.ResourceID)),
			qb.Where(qb.Data(name).Len().Gt(100)),
		} {
			checkQuery(t, stores.Metas, q)
		}
	}
	models := modelNames(t, f)
	if len(models) != len(oddNames) {
		t.Errorf("models are %q", models)
	}
	// What the store remembers of them is not needed to find them.
	run(t, connect(t, dsn), `DELETE FROM specstar_models`)
	again := openStore(t, postgres.Config{DSN: dsn, TablePrefix: `p"'%_`})
	if diff := cmp.Diff(models, modelNames(t, again)); diff != "" {
		t.Errorf("models found again: %s", diff)
	}
}

func TestModelsMayNotShareTables(t *testing.T) {
	f := openStore(t, postgres.Config{DSN: pgtest.Database(t)})
	info := storage.ModelInfo{Name: "sales-order", Encoding: resource.JSON}
	if err := f.SaveModel(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("long", 14)
	for name, want := range map[string]string{
		"SalesOrder": "sales-order", "sales_order": "sales-order", "": "is empty", "a\x00b": "NUL", "a\xffb": "UTF-8", long: "longer than PostgreSQL's 63 bytes",
	} {
		info.Name = name
		err := f.SaveModel(t.Context(), info)
		if !errors.Is(err, storage.ErrUnusableName) || !strings.Contains(err.Error(), want) {
			t.Errorf("model %q: %v, want %q", name, err, want)
		}
	}
	wantModels(t, f, "sales-order")
}

// TestTablesOfOthersAreLeftAlone: a database may hold what looks like ours by its
// name alone.
func TestTablesOfOthersAreLeftAlone(t *testing.T) {
	dsn := pgtest.Database(t)
	conn := connect(t, dsn)
	restore(t, dsn, string(testdata(t, "testdata/pg_golden.sql")))
	run(t, conn, `CREATE TABLE news_meta (id int PRIMARY KEY, title text);
		CREATE TABLE news_resource_data (id int); CREATE TABLE news_resource_index (id int);
		CREATE TABLE alone_meta (LIKE person_meta INCLUDING ALL);
		CREATE VIEW seen_meta AS SELECT * FROM person_meta;
		CREATE VIEW seen_resource_data AS SELECT * FROM person_resource_data;
		CREATE VIEW seen_resource_index AS SELECT * FROM person_resource_index;
		CREATE TABLE "Upper_meta" (LIKE person_meta INCLUDING ALL);
		CREATE TABLE "Upper_resource_data" (LIKE person_resource_data); CREATE TABLE "Upper_resource_index" (LIKE person_resource_index);
		CREATE TEMPORARY TABLE mine_meta (LIKE person_meta INCLUDING ALL)`)
	others := func() (found []string) {
		for _, line := range lines(t, conn, catalogue) {
			for _, name := range []string{".news_", ".alone_", ".seen_", ".Upper_", ".mine_"} {
				if strings.Contains(strings.Fields(line)[0], name) {
					found = append(found, line)
				}
			}
		}
		return found
	}
	before := others()
	f := openStore(t, postgres.Config{DSN: dsn})
	wantModels(t, f, "document", "person", "sales-order")
	for name, want := range map[string]string{"news": "news_meta", "seen": "seen_meta"} {
		err := f.SaveModel(t.Context(), storage.ModelInfo{Name: name, Encoding: resource.JSON})
		if !errors.Is(err, storage.ErrUnusableName) || !strings.Contains(err.Error(), want) {
			t.Errorf("model %s on tables of another program: %v", name, err)
		}
	}
	if diff := cmp.Diff(before, others()); diff != "" || len(before) < 10 {
		t.Errorf("what is of others changed:\n%s", diff)
	}
}
