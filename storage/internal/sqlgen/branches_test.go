package sqlgen_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

func TestSQLiteSeveralStatuses(t *testing.T) { checkSeveralStatuses(t, openSQLite(t)) }

func TestPostgreSQLSeveralStatuses(t *testing.T) { eachPostgreSQL(t, checkSeveralStatuses) }

// checkSeveralStatuses compares pages that are put together of those of each status.
func checkSeveralStatuses(t *testing.T, e engine) {
	t.Helper()
	both := qb.RevStatus().In(resource.Draft, resource.Stable, resource.Draft)
	wheres := []qb.Cond{
		both,
		qb.And{both, qb.UpdatedBy().Ne("a")},
		qb.And{qb.IsDeleted().Eq(false), qb.And{both}},
		qb.And{both, qb.RevStatus().In(resource.Draft, resource.Stable)},
	}
	sorts := [][]qb.Sort{
		{qb.RevCreatedTime().Desc()}, {qb.RevCreatedTime().Asc()}, {qb.RevCreatedTime().Desc(), qb.ResourceID().Desc()},
	}
	rapid.Check(t, func(t *rapid.T) {
		metas := drawMetas(t, e)
		e.fill(t, metas)
		q := qb.Where(rapid.SampledFrom(wheres).Draw(t, "where")).OrderBy(rapid.SampledFrom(sorts).Draw(t, "sorts")...).
			Page(rapid.IntRange(1, 5).Draw(t, "limit"), rapid.IntRange(0, 3).Draw(t, "offset"))
		parts := 2
		if len(metas) > 0 && rapid.Bool().Draw(t, "behind") {
			position := qb.PositionOf(rapid.SampledFrom(metas).Draw(t, "position"), q.Sort)
			if q = q.From(position); q.Sort[0].Descending() == (position.Keys()[0] != nil) {
				parts = 4 // with a time and without one
			}
		}
		compareWithReference(t, e, metas, q)
		if p, err := sqlgen.Compile(e.dialect(), table, "data", q); err != nil || strings.Count(p.SQL, "LIMIT") != parts+1 {
			t.Fatalf("%s is not put together (%v)", p.SQL, err)
		}
	})
}
