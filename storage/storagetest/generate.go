package storagetest

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"pgregory.net/rapid"

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
		"Alice", "7", "true", "a%b", "é",
		[]any{},
		[]any{"a", "b"},
		[]any{int64(7), "a"},
		[]any{nil},
		map[string]any{"k": "a"},
	}
)

func pick[V any](t *rapid.T, pool []V) V {
	return pool[rapid.IntRange(0, len(pool)-1).Draw(t, "index")]
}

func maybe[V any](t *rapid.T, pool []V) opt.Value[V] {
	if rapid.IntRange(0, 3).Draw(t, "set") == 0 {
		return opt.Value[V]{}
	}
	return opt.Of(pick(t, pool))
}

// genMeta generates a meta; its id is drawn from few, and unique enough.
func genMeta(t *rapid.T) resource.Meta {
	id := resource.ID(fmt.Sprintf("%s:%d", pick(t, []string{"a", "B", "é"}), rapid.IntRange(0, 99).Draw(t, "id")))
	n := rapid.IntRange(1, 12).Draw(t, "revisions")
	return resource.Meta{
		CurrentRevisionID: id.Revision(n), ResourceID: id, SchemaVersion: maybe(t, genVersions), TotalRevisionCount: n,
		CreatedTime: pick(t, genTimes), UpdatedTime: pick(t, genTimes),
		CreatedBy: pick(t, genNames), UpdatedBy: pick(t, genNames),
		IsDeleted: rapid.Bool().Draw(t, "deleted"), IndexedData: genIndexed(t),
		Rev: resource.RevMeta{
			Status:    maybe(t, []resource.Status{resource.Draft, resource.Stable}),
			CreatedBy: maybe(t, genNames), UpdatedBy: maybe(t, genNames),
			CreatedTime: maybe(t, genTimes), UpdatedTime: maybe(t, genTimes),
		},
	}
}

func genIndexed(t *rapid.T) opt.Value[resource.Indexed] {
	values := map[string]any{}
	for _, path := range genPaths {
		if v, set := maybe(t, genValues).Get(); set {
			values[path] = v
		}
	}
	x, err := resource.NewIndexed(values)
	if err != nil || rapid.IntRange(0, 9).Draw(t, "unset") == 0 {
		return opt.Value[resource.Indexed]{}
	}
	return opt.Of(x)
}

// genQuery generates a condition, an order and a page.
func genQuery(t *rapid.T) qb.Query {
	q := qb.Query{Where: genCond(t, 2)}
	for range rapid.IntRange(0, 2).Draw(t, "keys") {
		q.Sort = append(q.Sort, genSort(t))
	}
	if rapid.Bool().Draw(t, "page") {
		q = q.Page(rapid.IntRange(0, generatedMetas).Draw(t, "limit"), rapid.IntRange(0, 10).Draw(t, "offset"))
	}
	return q
}

func genSort(t *rapid.T) qb.Sort {
	path := pick(t, genPaths)
	return pick(t, []qb.Sort{
		qb.ResourceID().Asc(), qb.ResourceID().Desc(), qb.CreatedTime().Asc(), qb.UpdatedTime().Desc(),
		qb.TotalRevisionCount().Desc(), qb.CurrentRevisionID().Asc(), qb.CreatedBy().Asc(), qb.UpdatedBy().Desc(),
		qb.IsDeleted().Asc(), qb.SchemaVersion().Asc(), qb.SchemaVersion().Desc(), qb.RevCreatedTime().Asc(),
		qb.RevUpdatedTime().Desc(), qb.Data(path).Asc(), qb.Data(path).Desc(),
	})
}

func genCond(t *rapid.T, depth int) qb.Cond {
	if depth > 0 && rapid.Bool().Draw(t, "group") {
		var group []qb.Cond
		for range rapid.IntRange(0, 3).Draw(t, "size") {
			group = append(group, genCond(t, depth-1))
		}
		return pick(t, []qb.Cond{qb.And(group), qb.Or(group), qb.Not(group)})
	}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return genText(t, pick(t, []qb.TextField[string]{
			qb.CreatedBy(), qb.UpdatedBy(), qb.SchemaVersion(), qb.RevCreatedBy(), qb.RevUpdatedBy(),
		}), append(slices.Clone(genNames), genVersions...))
	case 1:
		return genText(t, qb.RevStatus(), []resource.Status{resource.Draft, resource.Stable, "other"})
	case 2:
		return genText(t, qb.ResourceID(), []resource.ID{"a:1", "B:2", "é:3", "a:50", "b"})
	case 3:
		return genTime(t, pick(t, []qb.TimeField{qb.CreatedTime(), qb.UpdatedTime(), qb.RevCreatedTime(), qb.RevUpdatedTime()}))
	case 4:
		return genData(t, qb.Data(pick(t, genPaths)))
	}
	n := rapid.IntRange(0, 12).Draw(t, "n")
	return pick(t, []qb.Cond{
		qb.IsDeleted().Eq(true), qb.IsDeleted().Ne(true), qb.TotalRevisionCount().Gt(n), qb.TotalRevisionCount().In(n, 2),
		qb.HasIndexed{},
	})
}

func genText[V string | resource.ID | resource.Status](t *rapid.T, f qb.TextField[V], pool []V) qb.Cond {
	v, w, part, null := pick(t, pool), pick(t, pool), pick(t, genParts), rapid.Bool().Draw(t, "null")
	return pick(t, []qb.Cond{
		f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v), f.In(v, w), f.NotIn(v, w), f.In(), f.NotIn(),
		f.Contains(part), f.StartsWith(part), f.EndsWith(part), f.Matches(regexp.MustCompile(pick(t, genPatterns))),
		f.IsNull(null), f.IsNA(null), f.Exists(null),
	})
}

func genTime(t *rapid.T, f qb.TimeField) qb.Cond {
	v, w, null := pick(t, genTimes), pick(t, genTimes), rapid.Bool().Draw(t, "null")
	return pick(t, []qb.Cond{
		f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v), f.In(v, w), f.NotIn(v, w), f.Between(v, w),
		f.IsNull(null), f.IsNA(null), f.Exists(null),
	})
}

func genData(t *rapid.T, f qb.DataField) qb.Cond {
	v, w, part, null := pick(t, genValues), pick(t, genValues), pick(t, genParts), rapid.Bool().Draw(t, "null")
	if rapid.IntRange(0, 9).Draw(t, "len") == 0 {
		f, v, w = f.Len(), int64(2), int64(0)
	}
	return pick(t, []qb.Cond{
		f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v), f.In(v, w), f.NotIn(v, w), f.In(), f.NotIn(),
		f.Contains(v), f.Contains(part), f.StartsWith(part), f.EndsWith(part),
		f.Matches(regexp.MustCompile(pick(t, genPatterns))), f.IsNull(null), f.IsNA(null), f.Exists(null),
	})
}
