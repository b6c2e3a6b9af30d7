package sqlgen_test

import (
	"regexp"
	"time"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// Few values each, so that conditions hit and sorts tie.
var (
	texts    = rapid.SampledFrom([]string{"", "a", "A", "ab", "b", "é", "z", "\U0001f600", "\uffff", "a\x00b"})
	anyTimes = rapid.SampledFrom([]time.Time{
		time.Date(1950, 1, 1, 0, 0, 0, 1000, time.UTC), time.Unix(0, 0).UTC(),
		time.Date(2024, 3, 1, 8, 0, 0, 123456000, time.UTC), time.Date(2024, 3, 1, 8, 0, 0, 123457000, time.UTC),
		time.Date(2024, 3, 1, 16, 0, 0, 123456000, time.FixedZone("", 8*3600)),
		time.Date(2024, 3, 1, 8, 0, 0, 123456789, resource.Naive), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
	})
	statuses = rapid.SampledFrom([]resource.Status{resource.Draft, resource.Stable})
	counts   = rapid.IntRange(0, 4)
)

// drawMetas draws rows whose texts the database holds.
func drawMetas(t *rapid.T, e engine) []resource.Meta {
	texts, times := texts.Filter(e.holds), e.times()
	ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-cA-Cé]{1,3}`), 0, 20, rapid.ID[string]).Draw(t, "ids")
	metas := make([]resource.Meta, len(ids))
	for i, id := range ids {
		metas[i] = resource.Meta{
			ResourceID: resource.ID(id), CurrentRevisionID: resource.RevisionID(texts.Draw(t, "revision")),
			SchemaVersion: maybe(t, texts), TotalRevisionCount: counts.Draw(t, "count"),
			CreatedTime: times.Draw(t, "created"), UpdatedTime: times.Draw(t, "updated"),
			CreatedBy: texts.Draw(t, "by"), UpdatedBy: texts.Draw(t, "by"), IsDeleted: rapid.Bool().Draw(t, "deleted"),
			IndexedData: drawIndexed(t, e),
			Rev: resource.RevMeta{
				Status: maybe(t, statuses), CreatedBy: maybe(t, texts), UpdatedBy: maybe(t, texts),
				CreatedTime: maybe(t, times), UpdatedTime: maybe(t, times),
			},
		}
	}
	return metas
}

func maybe[T any](t *rapid.T, g *rapid.Generator[T]) opt.Value[T] {
	if rapid.IntRange(0, 2).Draw(t, "set") == 0 {
		return opt.Value[T]{}
	}
	return opt.Of(g.Draw(t, "value"))
}

func drawQuery(t *rapid.T, e engine, metas []resource.Meta) qb.Query {
	q := qb.Query{Limit: maybe(t, rapid.IntRange(0, 8)), Offset: rapid.IntRange(0, 6).Draw(t, "offset")}
	if rapid.Bool().Draw(t, "where") {
		q.Where = drawCond(t, e, 3)
	}
	for range rapid.IntRange(0, 3).Draw(t, "sorts") {
		q.Sort = append(q.Sort, drawSort(t))
	}
	if len(metas) > 0 && rapid.IntRange(0, 2).Draw(t, "after") == 0 {
		q = q.From(qb.PositionOf(rapid.SampledFrom(metas).Draw(t, "position"), q.Sort))
	}
	return q
}

func drawSort(t *rapid.T) qb.Sort {
	if rapid.IntRange(0, 3).Draw(t, "by data") > 0 {
		return rapid.SampledFrom(everySort).Draw(t, "sort")
	}
	f := qb.Data(rapid.SampledFrom(paths).Draw(t, "path"))
	if rapid.Bool().Draw(t, "desc") {
		return f.Desc()
	}
	return f.Asc()
}

var everySort = []qb.Sort{
	qb.ResourceID().Asc(), qb.ResourceID().Desc(), qb.CurrentRevisionID().Asc(), qb.SchemaVersion().Asc(),
	qb.SchemaVersion().Desc(), qb.TotalRevisionCount().Desc(), qb.CreatedTime().Asc(), qb.UpdatedTime().Desc(),
	qb.CreatedBy().Desc(), qb.UpdatedBy().Asc(), qb.IsDeleted().Asc(), qb.IsDeleted().Desc(), qb.RevStatus().Asc(),
	qb.RevCreatedBy().Desc(), qb.RevCreatedTime().Asc(), qb.RevCreatedTime().Desc(), qb.RevUpdatedTime().Desc(),
}

func drawCond(t *rapid.T, e engine, depth int) qb.Cond {
	if depth == 0 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
		return drawLeaf(t, e)
	}
	conds := make([]qb.Cond, rapid.IntRange(0, 3).Draw(t, "conds"))
	for i := range conds {
		conds[i] = drawCond(t, e, depth-1)
	}
	switch rapid.IntRange(0, 2).Draw(t, "group") {
	case 0:
		return qb.And(conds)
	case 1:
		return qb.Or(conds)
	}
	return qb.Not(conds)
}

func drawLeaf(t *rapid.T, e engine) qb.Cond {
	switch rapid.IntRange(-6, 5).Draw(t, "kind") {
	case -6, -5, -4, -3, -2:
		return drawData(t)
	case -1:
		return rapid.SampledFrom([]qb.Cond{
			qb.HasIndexed{}, qb.CurrentRevisionID().Gt("a"), qb.CreatedBy().Matches(regexp.MustCompile("[a-z]$")),
		}).Draw(t, "other")
	case 0:
		f := rapid.SampledFrom([]qb.TimeField{
			qb.CreatedTime(), qb.UpdatedTime(), qb.RevCreatedTime(), qb.RevUpdatedTime(),
		}).Draw(t, "field")
		return drawCompare(t, f.Field, e.times())
	case 1:
		return drawCompare(t, qb.IsDeleted().Field, rapid.Bool())
	case 2:
		return drawCompare(t, qb.TotalRevisionCount(), counts)
	case 3:
		return drawCompare(t, qb.RevStatus().Field, statuses)
	}
	f := rapid.SampledFrom([]qb.TextField[string]{
		qb.CreatedBy(), qb.UpdatedBy(), qb.SchemaVersion(), qb.RevCreatedBy(), qb.RevUpdatedBy(),
	}).Draw(t, "field")
	switch rapid.IntRange(0, 5).Draw(t, "part") {
	case 0:
		return f.Contains(texts.Draw(t, "value"))
	case 1:
		return f.StartsWith(texts.Draw(t, "value"))
	case 2:
		return f.EndsWith(texts.Draw(t, "value"))
	}
	return drawCompare(t, f.Field, texts)
}

func drawCompare[T string | resource.Status | int | bool | time.Time](t *rapid.T, f qb.Field[T], values *rapid.Generator[T]) qb.Cond {
	v := values.Draw(t, "value")
	switch rapid.IntRange(0, 11).Draw(t, "op") {
	case 0:
		return f.Ne(v)
	case 1:
		return f.Gt(v)
	case 2:
		return f.Gte(v)
	case 3:
		return f.Lt(v)
	case 4:
		return f.Lte(v)
	case 5:
		return f.In(rapid.SliceOfN(values, 0, 3).Draw(t, "values")...)
	case 6:
		return f.NotIn(rapid.SliceOfN(values, 0, 3).Draw(t, "values")...)
	case 7:
		return f.IsNull(rapid.Bool().Draw(t, "flag"))
	case 8:
		return f.IsNA(rapid.Bool().Draw(t, "flag"))
	case 9:
		return f.Exists(rapid.Bool().Draw(t, "flag"))
	}
	return f.Eq(v)
}
