package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/disk"
	"github.com/specstar-worker/worker/storage/postgres"
)

// sqlAlchemyTypes are the columns of the original's SQLAlchemy meta store that differ
// from those of its own. The tests have no SQLAlchemy: this is its DDL by hand.
var sqlAlchemyTypes = map[string]string{
	"resource_id": "VARCHAR(255)", "created_by": "VARCHAR(255)", "updated_by": "VARCHAR(255)", "schema_version": "VARCHAR(100)",
	"rev_status": "VARCHAR(50)", "rev_created_by": "VARCHAR(255)", "rev_updated_by": "VARCHAR(255)",
	"created_time": "TIMESTAMP WITH TIME ZONE", "updated_time": "TIMESTAMP WITH TIME ZONE",
	"rev_created_time": "TIMESTAMP WITH TIME ZONE", "rev_updated_time": "TIMESTAMP WITH TIME ZONE",
}

// sqlAlchemyDatabase is the golden database with meta tables as SQLAlchemy makes them;
// that of documents is of a release without rev_* and schema_version.
func sqlAlchemyDatabase(t *testing.T) string {
	t.Helper()
	dsn := goldenDatabase(t)
	conn := connect(t, dsn)
	for _, index := range lines(t, conn, `SELECT indexname::text FROM pg_indexes WHERE indexname ~ '^idx_' AND tablename ~ '_meta$'`) {
		run(t, conn, `DROP INDEX `+index)
	}
	for _, table := range []string{"person_meta", "document_meta", "sales_order_meta"} {
		for column, kind := range sqlAlchemyTypes {
			run(t, conn, `ALTER TABLE `+table+` ALTER COLUMN `+column+` TYPE `+kind)
			if column != "resource_id" && column != "schema_version" {
				run(t, conn, `CREATE INDEX ix_`+table+`_`+column+` ON `+table+` (`+column+`)`)
			}
		}
		run(t, conn, `CREATE INDEX ix_`+table+`_is_deleted ON `+table+` (is_deleted)`)
	}
	withoutRev(t, conn, "document_meta")
	run(t, conn, `ALTER TABLE document_meta DROP COLUMN rev_status, DROP COLUMN rev_created_by, DROP COLUMN rev_updated_by,
		DROP COLUMN rev_created_time, DROP COLUMN rev_updated_time, DROP COLUMN schema_version`)
	return dsn + "&layout=sqlalchemy"
}

// typesOf returns the columns of a table with their types.
func typesOf(t *testing.T, conn *pgx.Conn, table string) []string {
	t.Helper()
	return lines(t, conn, `SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY 1`, table)
}

func TestTablesOfSQLAlchemyAreTakenIn(t *testing.T) {
	dsn := sqlAlchemyDatabase(t)
	conn := connect(t, strings.TrimSuffix(dsn, "&layout=sqlalchemy"))
	types := typesOf(t, conn, "person_meta")
	indexes := func() []string {
		return lines(t, conn, `SELECT indexdef FROM pg_indexes WHERE indexname ~ '^ix_' ORDER BY 1`)
	}
	before := indexes()
	wantModels(t, openStore(t, postgres.Config{DSN: dsn, ReadOnly: true}), "document", "person", "sales-order")
	f := openStore(t, postgres.Config{DSN: dsn, Blobs: goldenBlobs(t)})
	for _, table := range []string{"person_meta", "document_meta", "sales_order_meta"} {
		if got := typesOf(t, conn, table); !slices.Equal(got, types) {
			t.Errorf("%s has %q, want %q", table, got, types)
		}
	}
	if after := indexes(); !slices.Equal(after, before) || len(after) < 20 {
		t.Errorf("indexes were %q, are %q", before, after)
	}
	checkGoldenQueries(t, f)
	c := manager.NewCatalog(f, goldenBlobs(t), manager.Options{})
	m, err := c.Open(t.Context(), "document")
	if err != nil {
		t.Fatal(err)
	}
	if stats, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{}); err != nil || stats.Updated != 3 {
		t.Errorf("backfill: %+v, %v", stats, err)
	}
	goldenExpected(t).check(t, f)
	editGolden(t, c)
	checkGoldenQueries(t, f)
	made := lines(t, conn, `SELECT (created_time = '2025-01-02 03:04:05.678901Z' AND rev_updated_time = created_time)::text FROM person_meta WHERE resource_id = 'person:go'`)
	if !slices.Equal(made, []string{"true"}) {
		t.Errorf("times of a new row are as they were given: %q", made)
	}
}

func TestNewTablesAreThoseOfSQLAlchemy(t *testing.T) {
	dsn := sqlAlchemyDatabase(t)
	conn := connect(t, strings.TrimSuffix(dsn, "&layout=sqlalchemy"))
	f := openStore(t, postgres.Config{DSN: dsn})
	saveAbroad(t, f, timeOf)
	if got, want := typesOf(t, conn, "doc_meta"), typesOf(t, conn, "person_meta"); !slices.Equal(got, want) {
		t.Errorf("a new table has %q, want %q", got, want)
	}
}

func TestTextsThatDoNotFitInSQLAlchemyColumns(t *testing.T) {
	f := openStore(t, postgres.Config{DSN: sqlAlchemyDatabase(t)})
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	fits := func(n int) string { return strings.Repeat("é", n) }
	for field, set := range map[string]func(m *resource.Meta, more int){
		"created_by":     func(m *resource.Meta, more int) { m.CreatedBy = fits(255 + more) },
		"updated_by":     func(m *resource.Meta, more int) { m.UpdatedBy = fits(255 + more) },
		"schema_version": func(m *resource.Meta, more int) { m.SchemaVersion = opt.Of(fits(100 + more)) },
		"rev_created_by": func(m *resource.Meta, more int) { m.Rev.CreatedBy = opt.Of(fits(255 + more)) },
		"rev_updated_by": func(m *resource.Meta, more int) { m.Rev.UpdatedBy = opt.Of(fits(255 + more)) },
	} {
		m := metaAt(t, "person:x", "", nil)
		set(&m, 0)
		if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{m}); err != nil {
			t.Errorf("%s that just fits: %v", field, err)
		}
		set(&m, 1)
		wantRefused(t, stores.Metas.SaveMany(t.Context(), []resource.Meta{m}), field)
	}
	checkQuery(t, stores.Metas, qb.Where(qb.SchemaVersion().Eq(fits(100))))
}

// TestSQLAlchemyTablesWithRevisionsOnDisk: the original pairs this meta store with any
// store of revisions.
func TestSQLAlchemyTablesWithRevisionsOnDisk(t *testing.T) {
	dsn := sqlAlchemyDatabase(t)
	var revisions []resource.Revision
	whole := openStore(t, postgres.Config{DSN: dsn, ReadOnly: true})
	stores, err := whole.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	for rev, err := range stores.Revisions.DumpAll(t.Context(), slices.Values(allIDs(t, stores.Metas))) {
		if err != nil {
			t.Fatal(err)
		}
		revisions = append(revisions, rev)
	}
	conn := connect(t, strings.TrimSuffix(dsn, "&layout=sqlalchemy"))
	run(t, conn, `DROP TABLE person_resource_index, person_resource_data, document_resource_index, document_resource_data,
		sales_order_resource_index, sales_order_resource_data`)
	if f, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn}); err == nil || !strings.Contains(err.Error(), "--revisions") {
		t.Errorf("metas alone are opened without a place for revisions: %v, %v", f, err)
	}
	dir := t.TempDir()
	open := func() *postgres.Factory {
		medium, err := disk.Open(t.Context(), disk.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return openStore(t, postgres.Config{DSN: dsn, Revisions: medium})
	}
	f := open()
	wantModels(t, f, "document", "person", "sales-order")
	if stores, err = f.Build(t.Context(), "person"); err != nil {
		t.Fatal(err)
	}
	if err := stores.Revisions.SaveMany(t.Context(), revisions); err != nil {
		t.Fatal(err)
	}
	save(
		t, manager.NewCatalog(f, goldenBlobs(t), manager.Options{}), "person",
		manager.Operation{Op: manager.OpPatch, ResourceID: "person:p1", Data: []byte(`{"age": 77}`)},
		manager.Operation{Op: manager.OpDelete, ResourceID: "person:p2"},
	)
	got, want := stateOf(t, open(), "person"), goldenExpected(t).Models["person"].state(t)
	if len(got) != len(want) || len(got["person:p1"].Revisions) != len(want["person:p1"].Revisions)+1 || got["person:p2"].Meta["is_deleted"] != true {
		t.Errorf("%d persons, p1 has %d revisions", len(got), len(got["person:p1"].Revisions))
	}
	for _, id := range []string{"person:p3", "person:p4", "person:p7"} {
		if diff := cmp.Diff(want[id], got[id]); diff != "" {
			t.Errorf("%s (-original +ours):\n%s", id, diff)
		}
	}
}

func allIDs(t *testing.T, metas storage.MetaReader) (ids []resource.ID) {
	t.Helper()
	for m, err := range metas.All(t.Context()) {
		ids = appendID(t, ids, m.ResourceID, err)
	}
	return ids
}
