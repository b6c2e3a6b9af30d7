package sqlgen_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// deepPages are pages behind most rows of an order in which many are equal by the first key.
func deepPages(metas []resource.Meta) map[string]qb.Query {
	pages := map[string]qb.Query{}
	for name, sorts := range map[string][]qb.Sort{
		"upwards": {qb.UpdatedTime().Asc()}, "downwards": {qb.UpdatedTime().Desc()}, "twice": {qb.UpdatedTime().Desc(), qb.ResourceID().Desc()},
	} {
		all := slices.SortedFunc(slices.Values(metas), func(a, b resource.Meta) int { return qb.Compare(a, b, sorts) })
		pages[name] = qb.Query{Sort: sorts}.From(qb.PositionOf(all[len(all)-50], sorts)).Page(10, 0)
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
	}
	return metas
}

// TestSQLiteBeginsBehindThePosition: the index is searched by time and id.
func TestSQLiteBeginsBehindThePosition(t *testing.T) {
	e := openSQLite(t)
	metas := tiedMetas()
	e.fill(t, metas)
	if _, err := e.db.Exec(`CREATE INDEX updated ON "metas of ""x""" (updated_time, resource_id)`); err != nil {
		t.Fatal(err)
	}
	for name, q := range deepPages(metas) {
		compareWithReference(t, e, metas, q)
		p, err := sqlgen.Compile(sqlgen.SQLite, table, "data", q)
		if err != nil {
			t.Fatal(err)
		}
		var id, parent, unused int
		var step string
		if err := e.db.QueryRow("EXPLAIN QUERY PLAN "+p.SQL, p.Args...).Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(step, "SEARCH") || !strings.Contains(step, "INDEX updated ((updated_time,resource_id)") {
			t.Errorf("%s begins elsewhere: %s\n%s", name, step, p.SQL)
		}
	}
}

// TestPostgreSQLBeginsBehindThePosition: no row before the position is read.
func TestPostgreSQLBeginsBehindThePosition(t *testing.T) {
	e := openPostgreSQL(t, plainLayout, pgtest.DatabaseOptions{})
	metas := tiedMetas()
	e.fill(t, metas)
	for _, statement := range []string{
		`CREATE INDEX updated ON "metas of ""x""" (updated_time, resource_id COLLATE "C")`, `SET enable_seqscan = off`, `SET enable_sort = off`,
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
		rows, err := e.conn.Query(t.Context(), "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) "+p.SQL, p.Args...)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "\n")
		if !strings.Contains(plan, "Index Cond: (ROW(") || strings.Contains(plan, "Removed by Filter") || strings.Contains(plan, "Sort") {
			t.Errorf("%s begins elsewhere:\n%s\n%s", name, plan, p.SQL)
		}
	}
}
