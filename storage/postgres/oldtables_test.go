package postgres_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/canon"
	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/postgres"
)

// oldDatabase is what releases before 0.9 left, in the schema app: tables without
// rev_* columns, that of documents without schema_version and in another order, that
// of orders without indexed_data too. The current revision of person:p4 is lost. The
// schema decoy, and behind app in the path, has tables of the same names that are
// up to date.
func oldDatabase(t *testing.T) string {
	t.Helper()
	dsn := pgtest.Database(t)
	script := string(testdata(t, "testdata/pg_golden.sql"))
	conn := connect(t, dsn)
	run(t, conn, `CREATE SCHEMA app`)
	restore(t, dsn, script) // the decoy, in public
	restore(t, dsn, strings.ReplaceAll(script, "public.", "app."))
	run(t, conn, `SET search_path = app`)
	for _, table := range []string{"person_meta", "document_meta", "sales_order_meta"} {
		withoutRev(t, conn, table)
		run(t, conn, `ALTER TABLE `+table+` DROP COLUMN rev_status, DROP COLUMN rev_created_by, DROP COLUMN rev_updated_by,
			DROP COLUMN rev_created_time, DROP COLUMN rev_updated_time`)
	}
	run(t, conn, `DELETE FROM person_resource_index WHERE resource_id = 'person:p4';
		ALTER TABLE sales_order_meta DROP COLUMN indexed_data, DROP COLUMN schema_version;
		ALTER TABLE document_meta RENAME TO old_documents;
		CREATE TABLE document_meta (indexed_data jsonb, is_deleted boolean NOT NULL, updated_by text NOT NULL, created_by text NOT NULL,
			updated_time timestamp NOT NULL, created_time timestamp NOT NULL, data bytea NOT NULL, resource_id text PRIMARY KEY);
		INSERT INTO document_meta SELECT indexed_data, is_deleted, updated_by, created_by, updated_time, created_time, data, resource_id FROM old_documents;
		DROP TABLE old_documents`)
	return dsn + "&options=-c%20search_path%3Dapp,public" // as libpq takes it, too
}

// withoutRev takes what 0.9 added out of the metas of a table.
func withoutRev(t *testing.T, conn *pgx.Conn, table string) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT data FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	metas, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range metas {
		meta, err := resource.DecodeMeta(resource.Msgpack, b)
		if err != nil {
			t.Fatal(err)
		}
		meta.Rev = resource.RevMeta{}
		if _, err := conn.Exec(t.Context(), `UPDATE `+table+` SET data = $1 WHERE resource_id = $2`, meta.Append(resource.Msgpack, nil), string(meta.ResourceID)); err != nil {
			t.Fatal(err)
		}
	}
}

// relationsOf returns what the catalogue says of a schema without our own tables
// and indexes.
func relationsOf(t *testing.T, conn *pgx.Conn, schema string) (found []string) {
	t.Helper()
	for _, r := range lines(t, conn, catalogue) {
		ours := strings.HasPrefix(r, schema+".specstar_") || strings.Contains(r, "_meta_user") || strings.Contains(r, "_meta_status") || strings.Contains(r, "_meta_updated") ||
			strings.Contains(r, "_meta_created") || strings.Contains(r, "_meta_unfilled")
		if strings.HasPrefix(r, schema+".") && !ours {
			found = append(found, r)
		}
	}
	return found
}

// What is added to the tables of oldDatabase.
const (
	addedRev     = ", rev_status text, rev_created_by text, rev_updated_by text, rev_created_time timestamp without time zone, rev_updated_time timestamp without time zone"
	addedVersion = ", schema_version text"
	addedIndexed = ", indexed_data jsonb"
)

func TestOldTablesGetTheirColumns(t *testing.T) {
	dsn := oldDatabase(t)
	conn := connect(t, dsn)
	relations, decoy, rows := relationsOf(t, conn, "app"), relationsOf(t, conn, "public"), goldenRows(t, conn)
	if len(decoy) < 20 {
		t.Fatalf("the other schema has %q", decoy)
	}
	openAtOnce(t, dsn, 8)
	want := slices.Clone(relations)
	for i, r := range want {
		switch {
		case strings.HasPrefix(r, "app.person_meta r"):
			want[i] += addedRev
		case strings.HasPrefix(r, "app.document_meta r"):
			want[i] += addedVersion + addedRev
		case strings.HasPrefix(r, "app.sales_order_meta r"):
			want[i] += addedIndexed + addedVersion + addedRev
		}
	}
	if diff := cmp.Diff(want, relationsOf(t, conn, "app")); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(decoy, relationsOf(t, conn, "public")); diff != "" {
		t.Errorf("the tables of the same names were changed:\n%s", diff)
	}
	if specstar := lines(t, conn, `SELECT relname::text FROM pg_class WHERE relname ~ '^specstar_' AND relnamespace = 'public'::regnamespace`); len(specstar) > 0 {
		t.Errorf("%v are in the other schema", specstar)
	}
	for table, was := range rows {
		for i, now := range rowsOf(t, conn, table) {
			checkRowKept(t, table, was[i], now)
		}
	}
}

// openAtOnce opens a store several times at the same moment.
func openAtOnce(t *testing.T, dsn string, n int) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			f, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Connections: 4})
			if err != nil {
				t.Errorf("one of %d who open: %v", n, err)
				return
			}
			if models, err := f.Models(t.Context()); err != nil || len(models) != 3 {
				t.Errorf("models are %v (%v)", models, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// checkRowKept reports what differs between two JSON objects of a row besides the
// columns that the old one lacks.
func checkRowKept(t *testing.T, table, was, now string) {
	t.Helper()
	var old, new map[string]any
	if err := json.Unmarshal([]byte(was), &old); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(now), &new); err != nil {
		t.Fatal(err)
	}
	for column := range new {
		if _, ok := old[column]; !ok {
			delete(new, column)
		}
	}
	if diff := cmp.Diff(old, new); diff != "" {
		t.Errorf("a row of %s changed:\n%s", table, diff)
	}
}

// goldenOld is what the original made of an old database.
type goldenOld struct {
	PG struct {
		Before map[string][]string         `json:"filters_before_backfill"`
		First  map[string]int64            `json:"backfill_first"`
		After  map[string][]string         `json:"filters_after_backfill"`
		Rows   []map[string]any            `json:"person_rows_after"`
		Metas  map[string][]map[string]any `json:"metas_after"`
	}
}

// expectedOld reads it; the id that the original drew is that of the golden database.
func expectedOld(t *testing.T) goldenOld {
	t.Helper()
	text := string(testdata(t, "testdata/pre09.expected.json"))
	text = strings.ReplaceAll(text, "dbf03273-f18c-4979-8a74-79223aaf3184", "58921843-1e0b-4ee5-a7be-99ae5052aa32")
	var g goldenOld
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestOldTablesAreBackfilledAsByTheOriginal(t *testing.T) {
	dsn, want := oldDatabase(t), expectedOld(t).PG
	f := openStore(t, postgres.Config{DSN: dsn, Blobs: goldenBlobs(t)})
	checkRevFilters(t, f, want.Before)
	c := manager.NewCatalog(f, goldenBlobs(t), manager.Options{})
	for model, n := range want.First {
		m, err := c.Open(t.Context(), model)
		if err != nil {
			t.Fatal(err)
		}
		for _, updated := range []int64{n, 0} {
			if stats, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{}); err != nil || stats.Updated != updated {
				t.Errorf("backfill of %s: %+v (%v), want %d", model, stats, err, updated)
			}
		}
	}
	checkRevFilters(t, f, want.After)
	for model, metas := range want.Metas {
		got := stateOf(t, f, model)
		for _, m := range metas {
			if diff := cmp.Diff(canon.Of(t, m), got[m["resource_id"].(string)].Meta); diff != "" {
				t.Errorf("-original +ours:\n%s", diff)
			}
		}
	}
	checkPersonRows(t, connect(t, dsn), want.Rows)
}

// checkRevFilters searches persons by what 0.9 added.
func checkRevFilters(t *testing.T, f *postgres.Factory, want map[string][]string) {
	t.Helper()
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]qb.Query{
		"rev_statuses=[stable]":       qb.Where(qb.RevStatus().In(resource.Stable)),
		"rev_statuses=[draft]":        qb.Where(qb.RevStatus().In(resource.Draft)),
		"rev_updated_bys=[dave,bob]":  qb.Where(qb.RevUpdatedBy().In("dave", "bob")),
		"rev_created_time_start=T(0)": qb.Where(qb.RevCreatedTime().Gte(goldenStart)),
		"none":                        {},
	} {
		got := []string{}
		for m, err := range stores.Metas.Search(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(m.ResourceID))
		}
		expected := slices.Sorted(slices.Values(want[name]))
		if !slices.Equal(slices.Sorted(slices.Values(got)), expected) {
			t.Errorf("%s: %v, want %v", name, got, expected)
		}
	}
}

// checkPersonRows compares columns with what the original left in them.
func checkPersonRows(t *testing.T, conn *pgx.Conn, want []map[string]any) {
	t.Helper()
	got := map[string]map[string]any{}
	for _, row := range rowsOf(t, conn, "person_meta") {
		var r map[string]any
		if err := json.Unmarshal([]byte(strings.ReplaceAll(row, "2024-03-01T", "2024-03-01 ")), &r); err != nil {
			t.Fatal(err)
		}
		delete(r, "data")
		got[r["resource_id"].(string)] = r
	}
	for _, w := range want {
		if diff := cmp.Diff(w, got[w["resource_id"].(string)]); diff != "" {
			t.Errorf("row -original +ours:\n%s", diff)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
}

func TestOldTablesAreTheOriginalsAgain(t *testing.T) {
	dsn, dir := oldDatabase(t), t.TempDir()
	blobs := goldenBlobsIn(t, dir)
	f := openStore(t, postgres.Config{DSN: dsn, Blobs: blobs})
	app := goldenApp(t, pypeer.Start(t), dsn, dir)
	checkSameState(t, app, f, blobs)
	c := manager.NewCatalog(f, blobs, manager.Options{})
	for _, model := range []string{"person", "document", "sales-order"} {
		m, err := c.Open(t.Context(), model)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	editGolden(t, c)
	checkSameState(t, app, f, blobs)
	filled, err := app.Backfill()
	if want := map[string]int64{"person": 0, "document": 0, "sales-order": 0}; err != nil || !cmp.Equal(filled, want) {
		t.Errorf("the original fills %v (%v), want nothing", filled, err)
	}
}

// TestOldIndexedDataIsFound: a table without indexed_data gets it with its values. A
// row that is no meta is in the way of neither that nor the store.
func TestOldIndexedDataIsFound(t *testing.T) {
	dsn := oldDatabase(t)
	conn := connect(t, dsn)
	run(t, conn, `INSERT INTO sales_order_meta (resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted)
		VALUES ('sales-order:broken', 'nonsense', now(), now(), 'a', 'a', false)`)
	f := openStore(t, postgres.Config{DSN: dsn})
	run(t, conn, `DELETE FROM sales_order_meta WHERE resource_id = 'sales-order:broken'`)
	stores, err := f.Build(t.Context(), "sales-order")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := stores.Metas.Count(t.Context(), qb.Where(qb.Data("number").Eq("SO-1"))); err != nil || n != 1 {
		t.Errorf("%d orders are found (%v), want 1", n, err)
	}
}

func TestOldTablesStayWithoutRights(t *testing.T) {
	dsn := pgtest.Database(t)
	conn := connect(t, dsn)
	run(t, conn, `CREATE ROLE clerk LOGIN`)
	t.Cleanup(func() { dropRole(t, dsn, "clerk") })
	openStore(t, postgres.Config{DSN: dsn}) // makes our own tables
	restore(t, dsn, string(testdata(t, "testdata/pg_golden.sql")))
	run(t, conn, `SET search_path = public; ALTER TABLE document_meta DROP COLUMN rev_status, DROP COLUMN indexed_data;
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk`)
	clerk := asRole(t, dsn, "clerk")
	for _, tc := range []struct {
		noMigrate bool
		want      []string
	}{
		{true, []string{`"document_meta"`, "lacks the columns indexed_data, rev_status", "told to make none"}},
		{false, []string{`"document_meta"`, "column indexed_data", "lacks a right"}},
	} {
		f, err := postgres.Open(t.Context(), postgres.Config{DSN: clerk, NoMigrate: tc.noMigrate})
		if err == nil {
			_ = f.Close()
			t.Fatalf("NoMigrate %v: a store with a column too few is open", tc.noMigrate)
		}
		for _, part := range tc.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("NoMigrate %v: %q lacks %q", tc.noMigrate, err, part)
			}
		}
	}
	run(t, conn, `ALTER TABLE document_meta ADD COLUMN indexed_data jsonb, ADD COLUMN rev_status text`)
	f := openStore(t, postgres.Config{DSN: clerk, NoMigrate: true})
	save(t, manager.NewCatalog(f, goldenBlobs(t), manager.Options{}), "person", manager.Operation{
		Op: manager.OpUpdate, ResourceID: "person:p1", Status: opt.Of(resource.Draft), Data: []byte(`{"name":"C","age":1}`),
	})
}
