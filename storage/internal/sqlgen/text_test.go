package sqlgen_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// TestPostgreSQLText holds the text for the other dialect: its indexes depend on
// the form of conditions and orders.
func TestPostgreSQLText(t *testing.T) {
	at := time.Date(2024, 3, 1, 8, 0, 0, 123456789, time.FixedZone("", 8*3600))
	q := qb.Query{
		Where: qb.And{
			qb.IsDeleted().Eq(false), qb.RevStatus().In("draft", "stable"), qb.CreatedTime().Gte(at),
			qb.Not{qb.CreatedBy().StartsWith("é")},
			qb.SchemaVersion().IsNull(true), qb.UpdatedBy().NotIn(),
		},
		Sort:   []qb.Sort{qb.RevUpdatedTime().Desc()},
		Limit:  opt.Of(10),
		Offset: 5,
	}
	p, err := sqlgen.Compile(sqlgen.PostgreSQL, "t", "data", q)
	if err != nil {
		t.Fatal(err)
	}
	want := `SELECT data FROM "t" WHERE (is_deleted = $1 AND rev_status COLLATE "C" = ANY($2::text[]) AND created_time >= $3::timestamptz` +
		` AND NOT ((created_by COLLATE "C" >= $4 AND created_by COLLATE "C" < $5)) AND schema_version IS NULL` +
		` AND updated_by IS NOT NULL) ORDER BY rev_updated_time DESC NULLS LAST,` +
		` resource_id COLLATE "C" DESC LIMIT $6 OFFSET $7`
	if p.SQL != want {
		t.Errorf("Compile =\n%s\nwant\n%s", p.SQL, want)
	}
	wantArgs := []any{false, []string{"draft", "stable"}, time.Date(2024, 3, 1, 0, 0, 0, 123456000, time.UTC), "é", "ê", int64(10), int64(5)}
	if !reflect.DeepEqual(p.Args, wantArgs) {
		t.Errorf("args = %v, want %v", p.Args, wantArgs)
	}
}

func TestNegativePages(t *testing.T) {
	for _, q := range []qb.Query{{Offset: -1}, {Limit: opt.Of(-1)}} {
		if _, err := sqlgen.Compile(sqlgen.SQLite, table, "data", q); err == nil {
			t.Errorf("%+v: not refused", q)
		}
	}
}
