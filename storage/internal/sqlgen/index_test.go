package sqlgen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// indexedQueries are what an index on the expressions of a path serves.
func indexedQueries() map[string]qb.Query {
	f := qb.Data("address.city")
	position := qb.PositionOf(resource.Meta{ResourceID: "x"}, []qb.Sort{f.Asc()})
	return map[string]qb.Query{
		"text": qb.Where(f.Eq("x")), "number": qb.Where(f.Eq(3)), "one of": qb.Where(f.In("x", 3)), "range": qb.Where(f.Gt(3), f.Lte(9)),
		"texts": qb.Where(f.Gte("x")), "beginning": qb.Where(f.StartsWith("x")), "order": {Sort: []qb.Sort{f.Asc()}}, "order downwards": qb.Query{Sort: []qb.Sort{f.Desc()}}.Page(10, 0),
		"from a position": qb.Query{Sort: []qb.Sort{f.Asc()}}.From(position).Page(10, 0),
	}
}

// TestSQLiteIndexesServe has SQLite plan the statements with the index that the package's
// documentation asks for.
func TestSQLiteIndexesServe(t *testing.T) {
	e := openSQLite(t)
	at, _ := sqlgen.PathLiteral(sqlgen.SQLite, "address.city")
	if _, err := e.db.Exec(`CREATE INDEX city ON "metas of ""x""" (` + sqlgen.KeySQL(at) + `, resource_id)`); err != nil {
		t.Fatal(err)
	}
	for name, q := range indexedQueries() {
		p, err := sqlgen.Compile(sqlgen.SQLite, table, "data", q)
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(e.steps(t, p), "\n")
		if !strings.Contains(plan, "INDEX city") || q.Sort != nil && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s is planned as\n%s\n%s", name, plan, p.SQL)
		}
	}
}

// TestPostgreSQLIndexesServe does so with PostgreSQL's two indexes.
func TestPostgreSQLIndexesServe(t *testing.T) {
	e := openPostgreSQL(t, plainLayout, pgtest.DatabaseOptions{})
	at, _ := sqlgen.PathLiteral(sqlgen.PostgreSQL, "address.city")
	for _, statement := range []string{
		fmt.Sprintf(`CREATE INDEX city_equal ON "metas of ""x""" USING hash ((indexed_data -> %s))`, at),
		fmt.Sprintf(`CREATE INDEX city_order ON "metas of ""x""" (%s, %s, %s, resource_id COLLATE "C")`, sqlgen.RankSQL(at), sqlgen.NumberSQL(at), sqlgen.TextSQL(at)),
		`SET enable_seqscan = off`, `SET enable_sort = off`,
	} {
		if _, err := e.conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for name, q := range indexedQueries() {
		p, err := sqlgen.Compile(sqlgen.PostgreSQL, table, "data", q)
		if err != nil {
			t.Fatal(err)
		}
		plan := e.plan(t, "EXPLAIN ", p)
		if _, limits, _ := strings.Cut(plan, "Index Cond: "); name == "texts" || name == "beginning" {
			limits, _, _ = strings.Cut(limits, "\n")
			if !strings.Contains(limits, "IS NULL") || !strings.Contains(limits, "256") {
				t.Errorf("%s does not begin within the index:\n%s", name, plan)
			}
		}
		if !strings.Contains(plan, "city_") || q.Sort != nil && strings.Contains(plan, "Sort") {
			t.Errorf("%s is planned as\n%s\n%s", name, plan, p.SQL)
		}
	}
}
