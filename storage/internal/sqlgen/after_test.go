package sqlgen_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// deepPages are pages behind most rows of an order in which many are equal by the first key, which
// a third of them lack in the orders by rev_created_time.
func deepPages(metas []resource.Meta) map[string]qb.Query {
	pages := map[string]qb.Query{}
	for name, sorts := range map[string][]qb.Sort{
		"upwards": {qb.UpdatedTime().Asc()}, "downwards": {qb.UpdatedTime().Desc()}, "twice": {qb.UpdatedTime().Desc(), qb.ResourceID().Desc()},
		"upwards, some unset": {qb.RevCreatedTime().Asc()}, "downwards, some unset": {qb.RevCreatedTime().Desc()},
	} {
		all := slices.SortedFunc(slices.Values(metas), func(a, b resource.Meta) int { return qb.Compare(a, b, sorts) })
		for _, left := range []int{50, 205, 590} {
			pages[fmt.Sprintf("%s, %d left", name, left)] = qb.Query{Sort: sorts}.From(qb.PositionOf(all[len(all)-left], sorts)).Page(10, 0)
		}
	}
	return pages
}

func tiedMetas() []resource.Meta {
	metas := make([]resource.Meta, 600)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range metas {
		id := resource.ID(fmt.Sprintf("p:%04d", i))
		metas[i] = resource.Meta{
			ResourceID: id, CurrentRevisionID: id.Revision(1), TotalRevisionCount: 1, CreatedBy: "ann", UpdatedBy: "ann",
			CreatedTime: at, UpdatedTime: at.Add(time.Duration(i%2) * time.Hour),
		}
		if i%3 > 0 {
			metas[i].Rev.CreatedTime = opt.Of(at.Add(time.Duration(i%2) * time.Minute))
		}
	}
	return metas
}

// checkNullKeys compares pages behind positions with and without a value by a key that may be NULL.
func checkNullKeys(t *testing.T, e engine) {
	t.Helper()
	sorts := [][]qb.Sort{
		{qb.RevCreatedTime().Desc()},
		{qb.RevCreatedTime().Asc()},
		{qb.RevStatus().Desc(), qb.UpdatedTime().Desc()},
		{qb.RevUpdatedBy().Asc(), qb.CreatedBy().Asc(), qb.ResourceID().Asc()},
		{qb.SchemaVersion().Desc(), qb.RevStatus().Desc()},
		{qb.SchemaVersion().Desc(), qb.CreatedBy().Asc()},
	}
	wheres := []qb.Cond{nil, qb.RevStatus().Eq(resource.Draft), qb.Or{qb.RevStatus().IsUnset(), qb.IsDeleted().Eq(true)}}
	rapid.Check(t, func(t *rapid.T) {
		metas := drawMetas(t, e)
		e.fill(t, metas)
		q := qb.Where(rapid.SampledFrom(wheres).Draw(t, "where")).OrderBy(rapid.SampledFrom(sorts).Draw(t, "sorts")...)
		if rapid.Bool().Draw(t, "limited") {
			q = q.Page(rapid.IntRange(1, 5).Draw(t, "limit"), rapid.IntRange(0, 3).Draw(t, "offset"))
		}
		if len(metas) > 0 {
			q = q.From(qb.PositionOf(rapid.SampledFrom(metas).Draw(t, "position"), q.Sort))
		}
		compareWithReference(t, e, metas, q)
	})
}

func TestSQLiteNullKeys(t *testing.T) { checkNullKeys(t, openSQLite(t)) }

func TestPostgreSQLNullKeys(t *testing.T) { eachPostgreSQL(t, checkNullKeys) }

// TestSQLiteBeginsBehindThePosition: an index is searched, by the id, too, or by NULL.
func TestSQLiteBeginsBehindThePosition(t *testing.T) {
	e := openSQLite(t)
	metas := tiedMetas()
	e.fill(t, metas)
	for _, column := range []string{"updated_time", "rev_created_time"} {
		if _, err := e.db.Exec(`CREATE INDEX by_` + column + ` ON "metas of ""x""" (` + column + `, resource_id)`); err != nil {
			t.Fatal(err)
		}
	}
	for name, q := range deepPages(metas) {
		compareWithReference(t, e, metas, q)
		p, err := sqlgen.Compile(sqlgen.SQLite, table, "data", q)
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(e.steps(t, p), "\n")
		begins := strings.Contains(plan, "INDEX by_updated_time ((updated_time,resource_id)")
		if strings.Contains(name, "unset") {
			begins = strings.Contains(plan, "INDEX by_rev_created_time ((rev_created_time,resource_id)") ||
				strings.Contains(plan, "INDEX by_rev_created_time (rev_created_time=? AND resource_id")
		}
		if !begins || !strings.Contains(plan, "SEARCH") || strings.Contains(plan, "SCAN metas") {
			t.Errorf("%s begins elsewhere:\n%s\n%s", name, plan, p.SQL)
		}
	}
}

// TestPostgreSQLBeginsBehindThePosition: no row before the position is read.
func TestPostgreSQLBeginsBehindThePosition(t *testing.T) {
	e := openPostgreSQL(t, plainLayout, pgtest.DatabaseOptions{})
	metas := tiedMetas()
	e.fill(t, metas)
	for _, statement := range []string{
		`CREATE INDEX updated ON "metas of ""x""" (updated_time, resource_id COLLATE "C")`,
		`CREATE INDEX rev ON "metas of ""x""" (rev_created_time NULLS FIRST, resource_id COLLATE "C")`,
		`SET enable_seqscan = off`, `SET enable_sort = off`, `SET enable_bitmapscan = off`,
	} {
		if _, err := e.conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for name, q := range deepPages(metas) {
		compareWithReference(t, e, metas, q)
		p, err := sqlgen.Compile(sqlgen.PostgreSQL, table, "data", q)
		if err != nil {
			t.Fatal(err)
		}
		plan := e.plan(t, "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) ", p)
		begins := "Index Cond: (ROW("
		if strings.Contains(name, "unset") {
			begins = "Index Cond: (" // or by NULL
		}
		if !strings.Contains(plan, begins) || strings.Contains(plan, "Removed by Filter") || strings.Contains(plan, "->  Sort") {
			t.Errorf("%s begins elsewhere:\n%s\n%s", name, plan, p.SQL)
		}
	}
}
