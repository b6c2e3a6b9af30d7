package sqlgen_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

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

// TestPostgreSQLText holds the text for the other dialect: its indexes depend on
// the form of conditions and orders.
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
	want := `SELECT data FROM "t" WHERE (is_deleted = $1 AND rev_status COLLATE "C" IN ($2,$3) AND created_time >= $4::timestamptz` +
		` AND NOT (left(created_by COLLATE "C", $5) = $6) AND schema_version IS NULL` +
		` AND updated_by COLLATE "C" <> updated_by COLLATE "C") ORDER BY rev_updated_time DESC NULLS LAST,` +
		` resource_id COLLATE "C" DESC LIMIT $7 OFFSET $8`
	if text != want {
		t.Errorf("Select =\n%s\nwant\n%s", text, want)
	}
	wantArgs := []any{false, "draft", "stable", time.Date(2024, 3, 1, 0, 0, 0, 123456000, time.UTC), int64(1), "é", int64(10), int64(5)}
	if !slices.Equal(args, wantArgs) {
		t.Errorf("args = %v, want %v", args, wantArgs)
	}
}

func TestNotPushableToPostgreSQL(t *testing.T) {
	for name, q := range map[string]qb.Query{
		"no column for a number": qb.Where(qb.TotalRevisionCount().Gt(1)),
		"no column for a text":   qb.Where(qb.Not{qb.CurrentRevisionID().Eq("a")}),
		"no column for an order": {Sort: []qb.Sort{qb.TotalRevisionCount().Asc()}},
		"NUL":                    qb.Where(qb.CreatedBy().Lt("a\x00")),
		"NUL in a list":          qb.Where(qb.ResourceID().In("a", "b\x00")),
		"NUL in a part":          qb.Where(qb.UpdatedBy().EndsWith("\x00")),
		"NUL of a type":          qb.Where(qb.RevStatus().Eq("\x00")),
		"not UTF-8":              qb.Where(qb.RevCreatedBy().Contains("\xff")),
	} {
		if _, _, err := sqlgen.Select(sqlgen.PostgreSQL, "t", "data", q); !errors.Is(err, sqlgen.ErrNotPushable) {
			t.Errorf("%s: Select gives %v", name, err)
		}
		if _, _, err := sqlgen.Count(sqlgen.PostgreSQL, "t", q); q.Where != nil && !errors.Is(err, sqlgen.ErrNotPushable) {
			t.Errorf("%s: Count gives %v", name, err)
		}
	}
}
