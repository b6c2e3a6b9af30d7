package sqlgen_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

const table = `metas of "x"`

// TestSQLiteEqualsMatch compares the generated SQL, run by a real SQLite, with
// the reference on random rows and queries.
func TestSQLiteEqualsMatch(t *testing.T) {
	db := openTable(t)
	rapid.Check(t, func(t *rapid.T) {
		metas := drawMetas(t)
		fill(t, db, metas)
		for range 5 {
			q := drawQuery(t)
			compareWithReference(t, db, metas, q)
		}
	})
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// compareWithReference runs q in both ways.
func compareWithReference(t failer, db *sql.DB, metas []resource.Meta, q qb.Query) {
	t.Helper()
	text, args, err := sqlgen.Select(sqlgen.SQLite, table, "resource_id", q)
	if err != nil {
		t.Fatalf("Select: %v", err)
	}
	got := queryIDs(t, db, text, args)
	want := reference(t, metas, q)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s %v (-reference +sqlite):\n%s", text, args, diff)
	}
	text, args, err = sqlgen.Count(sqlgen.SQLite, table, q)
	if err != nil {
		t.Fatalf("Count: %v", err)
	}
	var n int
	if err := db.QueryRow(text, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if all := reference(t, metas, qb.Query{Where: q.Where}); n != len(all) {
		t.Errorf("%s %v = %d, want %d", text, args, n, len(all))
	}
}

func reference(t failer, metas []resource.Meta, q qb.Query) []string {
	t.Helper()
	ids := []string{}
	rows := func(yield func(resource.Meta, error) bool) {
		for _, m := range metas {
			if !yield(m, nil) {
				return
			}
		}
	}
	for m, err := range qb.Select(rows, q) {
		if err != nil {
			t.Fatalf("reference: %v", err)
		}
		ids = append(ids, string(m.ResourceID))
	}
	return ids
}

func queryIDs(t failer, db *sql.DB, text string, args []any) []string {
	t.Helper()
	rows, err := db.Query(text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	ids := []string{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return ids
}

func openTable(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "metas.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.Exec(`PRAGMA synchronous = OFF; CREATE TABLE "metas of ""x""" (
		resource_id TEXT PRIMARY KEY, data BLOB NOT NULL, created_time INTEGER NOT NULL, updated_time INTEGER NOT NULL,
		created_by TEXT NOT NULL, updated_by TEXT NOT NULL, is_deleted INTEGER NOT NULL, schema_version TEXT,
		indexed_data TEXT, rev_status TEXT, rev_created_by TEXT, rev_updated_by TEXT, rev_created_time INTEGER,
		rev_updated_time INTEGER, total_revision_count INTEGER, current_revision_id TEXT)`)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// fill makes metas the rows of the table.
func fill(t failer, db *sql.DB, metas []resource.Meta) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(`DELETE FROM "metas of ""x"""`); err != nil {
		t.Fatalf("empty the table: %v", err)
	}
	for _, m := range metas {
		_, err := tx.Exec(`INSERT INTO "metas of ""x""" VALUES (?,?,?,?,?,?,?,?,NULL,?,?,?,?,?,?,?)`,
			string(m.ResourceID), []byte("x"), m.CreatedTime.UnixMicro(), m.UpdatedTime.UnixMicro(), m.CreatedBy,
			m.UpdatedBy, m.IsDeleted, null(m.SchemaVersion), null(m.Rev.Status), null(m.Rev.CreatedBy),
			null(m.Rev.UpdatedBy), nullTime(m.Rev.CreatedTime), nullTime(m.Rev.UpdatedTime), m.TotalRevisionCount,
			string(m.CurrentRevisionID))
		if err != nil {
			t.Fatalf("insert: %v", err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func null[T ~string](v opt.Value[T]) any {
	if s, ok := v.Get(); ok {
		return string(s)
	}
	return nil
}

func nullTime(v opt.Value[time.Time]) any {
	if at, ok := v.Get(); ok {
		return at.UnixMicro()
	}
	return nil
}

// injections are values that would do harm, or match more than they should, if
// they became part of the SQL.
var injections = []string{
	`'`, `"`, `''`, `x' OR '1'='1`, `x') OR 1=1 --`, `'; DROP TABLE "metas of ""x"""; --`, `\`, `\'`, `%`, `_`, `*`,
	`?`, `$1`, `:a`, `@a`, "a\x00b", "\x00", "é", "É", "\xff", "a\nb", `NULL`, `1`, "",
}

// TestInjection puts every harmful text into every place that takes a value.
func TestInjection(t *testing.T) {
	db := openTable(t)
	metas := []resource.Meta{{ResourceID: "plain", CreatedBy: "alice"}, {ResourceID: "PLAIN", CreatedBy: "%a_"}}
	for i, s := range injections {
		metas = append(metas, resource.Meta{
			ResourceID: resource.ID(string(rune('a'+i)) + s), CreatedBy: s, UpdatedBy: "by " + s + " end",
			CurrentRevisionID: resource.RevisionID(s), SchemaVersion: opt.Of(s),
			Rev: resource.RevMeta{Status: opt.Of(resource.Status(s)), CreatedBy: opt.Of(s), UpdatedBy: opt.Of(s)},
		})
	}
	fill(t, db, metas)
	for _, s := range injections {
		for _, c := range everyTextCondition(s) {
			compareWithReference(t, db, metas, qb.Query{Where: c})
			compareWithReference(t, db, metas, qb.Query{Where: qb.Not{c}})
		}
	}
	compareWithReference(t, db, metas, qb.Query{})
}

func everyTextCondition(s string) []qb.Cond {
	var conds []qb.Cond
	for _, f := range []qb.TextField[string]{
		qb.CreatedBy(), qb.UpdatedBy(), qb.SchemaVersion(), qb.RevCreatedBy(), qb.RevUpdatedBy(),
	} {
		conds = append(conds, textConditions(f, s)...)
	}
	conds = append(conds, textConditions(qb.ResourceID(), resource.ID(s))...)
	conds = append(conds, textConditions(qb.CurrentRevisionID(), resource.RevisionID(s))...)
	return append(conds, textConditions(qb.RevStatus(), resource.Status(s))...)
}

func textConditions[T string | resource.ID | resource.RevisionID | resource.Status](f qb.TextField[T], s T) []qb.Cond {
	return []qb.Cond{
		f.Eq(s), f.Ne(s), f.Gt(s), f.Gte(s), f.Lt(s), f.Lte(s), f.In(s), f.In(s, "other"), f.NotIn(s), f.NotIn(s, "other"),
		f.Contains(string(s)), f.StartsWith(string(s)), f.EndsWith(string(s)),
	}
}

func TestNotPushable(t *testing.T) {
	many := make(qb.Or, 1000)
	for i := range many {
		many[i] = qb.IsDeleted().Eq(true)
	}
	for name, q := range map[string]qb.Query{
		"indexed data":     {Where: qb.Data("a").Eq(1)},
		"inside groups":    {Where: qb.And{qb.Or{qb.Not{qb.Data("a").Eq(1)}}}},
		"has indexed data": {Where: qb.HasIndexed{}},
		"sort by data":     {Sort: []qb.Sort{qb.Data("a").Asc()}},
		"too many":         {Where: many},
		"too many values":  {Where: qb.CreatedBy().In(make([]string, 40_000)...)},
	} {
		_, _, err := sqlgen.Select(sqlgen.SQLite, table, "data", q)
		if !errors.Is(err, sqlgen.ErrNotPushable) {
			t.Errorf("%s: %v, want ErrNotPushable", name, err)
		}
	}
	for _, q := range []qb.Query{{Offset: -1}, {Limit: opt.Of(-1)}} {
		if _, _, err := sqlgen.Select(sqlgen.SQLite, table, "data", q); err == nil || errors.Is(err, sqlgen.ErrNotPushable) {
			t.Errorf("%+v: %v, want a refusal", q, err)
		}
	}
}

// TestPostgreSQLText holds the text for the other dialect, whose server the
// tests of its backend run.
func TestPostgreSQLText(t *testing.T) {
	at := time.Date(2024, 3, 1, 8, 0, 0, 123456789, time.FixedZone("", 8*3600))
	q := qb.Query{
		Where: qb.And{
			qb.IsDeleted().Eq(false), qb.RevStatus().In("draft", "stable"), qb.CreatedTime().Gte(at),
			qb.Not{qb.CreatedBy().StartsWith("é")},
			qb.SchemaVersion().IsNull(true), qb.UpdatedBy().In(),
		},
		Sort:   []qb.Sort{qb.RevUpdatedTime().Desc()},
		Limit:  opt.Of(10),
		Offset: 5,
	}
	text, args, err := sqlgen.Select(sqlgen.PostgreSQL, "t", "data", q)
	if err != nil {
		t.Fatal(err)
	}
	want := `SELECT data FROM "t" WHERE (is_deleted = $1 AND rev_status COLLATE "C" IN ($2,$3) AND created_time >= $4` +
		` AND NOT (left(created_by COLLATE "C", $5) = $6) AND schema_version IS NULL` +
		` AND updated_by COLLATE "C" <> updated_by COLLATE "C") ORDER BY rev_updated_time DESC NULLS LAST,` +
		` resource_id COLLATE "C" DESC NULLS LAST LIMIT $7 OFFSET $8`
	if text != want {
		t.Errorf("Select =\n%s\nwant\n%s", text, want)
	}
	wantArgs := []any{false, "draft", "stable", time.Date(2024, 3, 1, 0, 0, 0, 123456000, time.UTC), int64(1), "é", int64(10), int64(5)}
	if !slices.Equal(args, wantArgs) {
		t.Errorf("args = %v, want %v", args, wantArgs)
	}
	if _, _, err := sqlgen.Select(sqlgen.PostgreSQL, "t", "data", qb.Where(qb.TotalRevisionCount().Gt(1))); !errors.Is(err, sqlgen.ErrNotPushable) {
		t.Errorf("a condition without a column gave %v", err)
	}
}

// TestLargestStatements runs what is still pushed down: the limits stay below
// those of SQLite.
func TestLargestStatements(t *testing.T) {
	db := openTable(t)
	metas := []resource.Meta{{ResourceID: "a", CreatedBy: "x"}, {ResourceID: "b", CreatedBy: "y", IsDeleted: true}}
	fill(t, db, metas)
	wide := make(qb.Or, 390)
	for i := range wide {
		wide[i] = qb.IsDeleted().Eq(true)
	}
	deep := qb.CreatedBy().Eq("x")
	for range 198 {
		deep = qb.Not{deep}
	}
	values := make([]string, 29_000)
	values[28_999] = "y"
	for _, c := range []qb.Cond{wide, deep, qb.CreatedBy().In(values...), qb.CreatedBy().NotIn(values...), nil, qb.And{nil}} {
		compareWithReference(t, db, metas, qb.Query{Where: c})
	}
}
