package sqlgen_test

import (
	"strings"
	"testing"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// TestCountByIsLeftToTheProgram where a database would count otherwise.
func TestCountByIsLeftToTheProgram(t *testing.T) {
	counted := qb.Where(qb.TotalRevisionCount().Gt(1))
	for name, c := range map[string]struct {
		q                qb.Query
		by               qb.Grouping
		sqlite, postgres bool
	}{
		"attribute": {qb.Where(qb.RevStatus().Eq(resource.Draft)), qb.RevStatus().By(), true, true},
		"time":      {qb.Query{}, qb.RevCreatedTime().By(), true, false},
		"no column": {qb.Query{}, qb.TotalRevisionCount().By(), true, false},
		"data":      {qb.Query{}, qb.Data("a").By(), false, false},
		"unsure":    {counted, qb.RevStatus().By(), true, false},
		"page":      {qb.Query{}.Page(0, 7), qb.IsDeleted().By(), true, true},
	} {
		for d, want := range map[sqlgen.Dialect]bool{sqlgen.SQLite: c.sqlite, sqlgen.PostgreSQL: c.postgres} {
			sql, args, ok := sqlgen.CompileCountBy(d, "t", "data", c.q, c.by, 3)
			if ok != want {
				t.Errorf("%s in dialect %d is counted by the database: %t", name, d, ok)
			}
			if ok && (!strings.Contains(sql, "GROUP BY") || args[len(args)-1] != int64(3) || strings.Contains(sql, "OFFSET")) {
				t.Errorf("%s in dialect %d is\n%s\n%v", name, d, sql, args)
			}
		}
	}
}
