package check

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// Small pools, so that generated conditions meet generated metas.
var (
	genNames    = []string{"alice", "Alice", "bob", "", "é", "100%", "a_b", `q"'\`, "中文", "\U0001F600", "draft"}
	genVersions = []string{"1", "2", "10", ""}
	genPaths    = []string{"name", "age", "tags", "address.city", "at"}
	genParts    = []string{"", "a", "A", "%", "_", "b", "é", `\`, "li"}
	genPatterns = []string{"^a", "b$", "(?i)ALICE", "l.c", "^$", "[0-9]+"}
	genTimes    = []time.Time{
		noon, noon.Add(time.Microsecond), noon.Add(-time.Hour), noon.AddDate(1, 0, 0), noon.AddDate(-60, 0, 0),
		time.Date(2026, time.March, 1, 12, 0, 0, 123456000, resource.Naive),
	}
	genValues = []any{
		nil, true, false, int64(0), int64(1), int64(7), int64(10), int64(-3), int64(1) << 60, 1.0, 7.5, -0.25, "", "alice",
		"Alice", "7", "true", "a%b", "é", "2026-03-01T12:00:00.123456Z", "2026-03-01T20:00:00.123456+08:00", "bGk=",
		noon, noon.Add(-time.Hour), []byte("li"), math.NaN(), math.Inf(1), []any{noon, []byte("li"), math.NaN()},
		[]any{},
		[]any{"a", "b"},
		[]any{int64(7), "a"},
		[]any{nil},
		map[string]any{"k": "a"},
	}
)

// Source draws what generated checks are made of; *rand.Rand is one.
type Source interface {
	// IntN returns a number from 0 to n-1.
	IntN(n int) int
}

// generated returns n values.
func generated[V any](src Source, n int, gen func(Source) V) []V {
	all := make([]V, n)
	for i := range all {
		all[i] = gen(src)
	}
	return all
}

func flip(src Source) bool { return src.IntN(2) == 1 }

func pick[V any](src Source, pool []V) V {
	return pool[src.IntN(len(pool))]
}

func maybe[V any](src Source, pool []V) opt.Value[V] {
	if src.IntN(4) == 0 {
		return opt.Value[V]{}
	}
	return opt.Of(pick(src, pool))
}

// genMeta generates a meta; its id is drawn from few, and unique enough.
func genMeta(src Source) resource.Meta {
	id := resource.ID(fmt.Sprintf("%s:%d", pick(src, []string{"a", "B", "é"}), src.IntN(100)))
	n := 1 + src.IntN(12)
	return resource.Meta{
		CurrentRevisionID: id.Revision(n), ResourceID: id, SchemaVersion: maybe(src, genVersions), TotalRevisionCount: n,
		CreatedTime: pick(src, genTimes), UpdatedTime: pick(src, genTimes),
		CreatedBy: pick(src, genNames), UpdatedBy: pick(src, genNames),
		IsDeleted: flip(src), IndexedData: genIndexed(src),
		Rev: resource.RevMeta{
			Status:    maybe(src, []resource.Status{resource.Draft, resource.Stable}),
			CreatedBy: maybe(src, genNames), UpdatedBy: maybe(src, genNames),
			CreatedTime: maybe(src, genTimes), UpdatedTime: maybe(src, genTimes),
		},
	}
}

func genIndexed(src Source) opt.Value[resource.Indexed] {
	values := map[string]any{}
	for _, path := range genPaths {
		if v, set := maybe(src, genValues).Get(); set {
			values[path] = v
		}
	}
	x, err := resource.NewIndexed(values)
	if err != nil || src.IntN(10) == 0 {
		return opt.Value[resource.Indexed]{}
	}
	return opt.Of(x)
}

// genQuery generates a condition, an order and a page.
func genQuery(src Source) qb.Query {
	q := qb.Query{Where: genCond(src, 2)}
	for range src.IntN(3) {
		q.Sort = append(q.Sort, genSort(src))
	}
	if flip(src) {
		q = q.Page(src.IntN(generatedMetas+1), src.IntN(11))
	}
	return q
}

func genSort(src Source) qb.Sort {
	path := pick(src, genPaths)
	return pick(src, []qb.Sort{
		qb.ResourceID().Asc(), qb.ResourceID().Desc(), qb.CreatedTime().Asc(), qb.UpdatedTime().Desc(),
		qb.TotalRevisionCount().Desc(), qb.CurrentRevisionID().Asc(), qb.CreatedBy().Asc(), qb.UpdatedBy().Desc(),
		qb.IsDeleted().Asc(), qb.SchemaVersion().Asc(), qb.SchemaVersion().Desc(), qb.RevCreatedTime().Asc(),
		qb.RevUpdatedTime().Desc(), qb.Data(path).Asc(), qb.Data(path).Desc(),
	})
}

func genCond(src Source, depth int) qb.Cond {
	if depth > 0 && flip(src) {
		var group []qb.Cond
		for range src.IntN(4) {
			group = append(group, genCond(src, depth-1))
		}
		return pick(src, []qb.Cond{qb.And(group), qb.Or(group), qb.Not(group)})
	}
	switch src.IntN(6) {
	case 0:
		return genText(src, pick(src, []qb.TextField[string]{
			qb.CreatedBy(), qb.UpdatedBy(), qb.SchemaVersion(), qb.RevCreatedBy(), qb.RevUpdatedBy(),
		}), append(slices.Clone(genNames), genVersions...))
	case 1:
		return genText(src, qb.RevStatus(), []resource.Status{resource.Draft, resource.Stable, "other"})
	case 2:
		return genText(src, qb.ResourceID(), []resource.ID{"a:1", "B:2", "é:3", "a:50", "b"})
	case 3:
		return genTime(src, pick(src, []qb.TimeField{qb.CreatedTime(), qb.UpdatedTime(), qb.RevCreatedTime(), qb.RevUpdatedTime()}))
	case 4:
		return genData(src, qb.Data(pick(src, genPaths)))
	}
	n := src.IntN(13)
	return pick(src, []qb.Cond{
		qb.IsDeleted().Eq(true), qb.IsDeleted().Ne(true), qb.TotalRevisionCount().Gt(n), qb.TotalRevisionCount().In(n, 2),
		qb.HasIndexed{},
	})
}

func genText[V string | resource.ID | resource.Status](src Source, f qb.TextField[V], pool []V) qb.Cond {
	v, w, part, null := pick(src, pool), pick(src, pool), pick(src, genParts), flip(src)
	return pick(src, []qb.Cond{
		f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v), f.In(v, w), f.NotIn(v, w), f.In(), f.NotIn(),
		f.Contains(part), f.StartsWith(part), f.EndsWith(part), f.Matches(regexp.MustCompile(pick(src, genPatterns))),
		f.IsNull(null), f.IsNA(null), f.Exists(null), genLength(src, f.Len()),
	})
}

func genTime(src Source, f qb.TimeField) qb.Cond {
	v, w, null := pick(src, genTimes), pick(src, genTimes), flip(src)
	return pick(src, []qb.Cond{
		f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v), f.In(v, w), f.NotIn(v, w), f.Between(v, w),
		f.IsNull(null), f.IsNA(null), f.Exists(null),
	})
}

func genData(src Source, f qb.DataField) qb.Cond {
	v, w, part, null := pick(src, genValues), pick(src, genValues), pick(src, genParts), flip(src)
	if src.IntN(10) == 0 {
		return genLength(src, f.Len())
	}
	return pick(src, []qb.Cond{
		f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v), f.In(v, w), f.NotIn(v, w), f.In(), f.NotIn(),
		f.Contains(v), f.Contains(part), f.Contains(qb.Flags(1 + src.IntN(6))), f.Eq(qb.Flags(1)), f.StartsWith(part), f.EndsWith(part),
		f.Matches(regexp.MustCompile(pick(src, genPatterns))), f.IsNull(null), f.IsNA(null), f.Exists(null),
	})
}

func genLength(src Source, f qb.LengthField) qb.Cond {
	n := src.IntN(4)
	return pick(src, []qb.Cond{
		f.Eq(n), f.Ne(n), f.Gt(n), f.Gte(n), f.Lt(n), f.Lte(n), f.Between(1, n), f.In(n, 2), f.NotIn(n, 2), f.In(),
	})
}
