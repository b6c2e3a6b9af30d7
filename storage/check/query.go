package check

import (
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func queryChecks() []check {
	return []check{
		{"G16/zero_query_selects_all_by_id", zeroQuery},
		{"G16/limit_and_offset_cut", limitAndOffset},
		{"G16/unset_matches_no_comparison", unsetMatchesNothing},
		{"G16/negative_limits_are_refused", negativeLimits},
		{"G16/flags_are_bits", flagsAreBits},
		{"G16/counts_by_value", countsByValue},
	}
}

// reference answers a query by reading everything.
func reference(all []resource.Meta, q qb.Query) []resource.Meta {
	var found []resource.Meta
	for _, m := range all {
		after, behind := q.After.Get()
		if qb.Match(m, q.Where) && (!behind || after.Passes(m)) {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b resource.Meta) int { return qb.Compare(a, b, q.Sort) })
	found = found[min(q.Offset, len(found)):]
	if limit, set := q.Limit.Get(); set {
		found = found[:min(limit, len(found))]
	}
	return found
}

// wantAnswer fails t unless the store answers q as the reference does.
func wantAnswer(t T, r storage.MetaReader, all []resource.Meta, q qb.Query) {
	t.Helper()
	got := idsOf(collect(t, "search", r.Search(t.Context(), q)))
	if want := idsOf(reference(all, q)); !slices.Equal(got, want) {
		t.Fatalf("the query %s\ngave %q\nwant %q", tell(q), got, want)
	}
	n, err := r.Count(t.Context(), q)
	ok(t, "count", err)
	q = qb.Query{Where: q.Where}
	if want := len(reference(all, q)); n != int64(want) {
		t.Fatalf("count of the query %s is %d, want %d", tell(q), n, want)
	}
}

func zeroQuery(t T, s *subject) {
	metas := s.use(t).Metas
	deleted := newMeta("a:10", 1)
	deleted.IsDeleted = true
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{newMeta("b", 1), deleted, newMeta("a:2", 1), newMeta("A", 1)}))
	got := collect(t, "search", metas.Search(t.Context(), qb.Query{}))
	equal(t, "ids", idsOf(got), []resource.ID{"A", "a:10", "a:2", "b"})
	sameMeta(t, "a meta found", got[1], deleted)
}

func limitAndOffset(t T, s *subject) {
	metas := s.use(t).Metas
	var all []resource.Meta
	for _, id := range []resource.ID{"a", "b", "c", "d", "e"} {
		all = append(all, newMeta(id, 1+int(id[0]-'a')))
	}
	ok(t, "save", metas.SaveMany(t.Context(), all))
	for _, sorts := range [][]qb.Sort{nil, {qb.UpdatedTime().Desc()}, {qb.CreatedBy().Desc()}, {qb.CreatedBy().Asc()}} {
		for _, limit := range []int{0, 1, 3, 5, 100} {
			for _, offset := range []int{0, 2, 5, 100} {
				wantAnswer(t, metas, all, qb.Query{Sort: sorts}.Page(limit, offset))
			}
		}
		wantAnswer(t, metas, all, qb.Query{Sort: sorts, Offset: 3})
	}
}

func unsetMatchesNothing(t T, s *subject) {
	metas := s.use(t).Metas
	draft := newMeta("p2", 1)
	draft.Rev.Status = opt.Of(resource.Draft)
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{bare("p1", 1), draft, newMeta("p3", 1)}))
	f := qb.RevStatus()
	for _, c := range []struct {
		what string
		cond qb.Cond
		want []resource.ID
	}{
		{"eq", f.Eq(resource.Draft), []resource.ID{"p2"}},
		{"ne", f.Ne(resource.Draft), []resource.ID{"p3"}},
		{"not eq", qb.Not{f.Eq(resource.Draft)}, []resource.ID{"p3"}},
		{"not in", f.NotIn(resource.Draft), []resource.ID{"p3"}},
		{"is null", f.IsNull(true), []resource.ID{"p1"}},
		{"is unset", f.IsUnset(), []resource.ID{"p1"}},
		{"exists", f.Exists(true), []resource.ID{"p1", "p2", "p3"}},
		{"or unset", qb.Or{f.Eq(resource.Draft), f.IsUnset()}, []resource.ID{"p1", "p2"}},
	} {
		got := idsOf(collect(t, c.what, metas.Search(t.Context(), qb.Where(c.cond))))
		equal(t, "answer to "+c.what, got, c.want)
	}
}

func negativeLimits(t T, s *subject) {
	metas := s.use(t).Metas
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 1)}))
	for _, q := range []qb.Query{{Offset: -1}, {Limit: opt.Of(-1)}} {
		var errs int
		for _, err := range metas.Search(t.Context(), q) {
			if err != nil {
				errs++
			}
		}
		equal(t, "number of errors of a negative limit", errs, 1)
	}
}

// countsByValue: values that are one in JSON are counted as one, by falling count.
func countsByValue(t T, s *subject) {
	metas := s.use(t).Metas
	none, err := metas.CountBy(t.Context(), qb.Query{}, qb.RevStatus().By(), 0)
	ok(t, "count an empty model", err)
	equal(t, "counts of an empty model", none.Total, 0)
	var all []resource.Meta
	for id, v := range map[resource.ID]any{"a": 1, "b": 1.0, "c": "1", "d": true, "e": nil, "f": "x", "g": "x", "h": "x"} {
		m := newMeta(id, 1)
		x, err := resource.NewIndexed(map[string]any{"v": v})
		ok(t, "index", err)
		m.IndexedData = opt.Of(x)
		all = append(all, m)
	}
	draft := newMeta("i", 1)
	draft.Rev.Status = opt.Of(resource.Draft)
	ok(t, "save", metas.SaveMany(t.Context(), append(all, draft, bare("j", 1))))
	for _, c := range []struct {
		q     qb.Query
		by    qb.Grouping
		limit int
		want  qb.Counts
	}{
		{qb.Query{}, qb.Data("v").By(), 0, qb.Counts{Total: 10, Values: []qb.ValueCount{
			{Value: nil, Count: 3}, {Value: "x", Count: 3}, {Value: int64(1), Count: 2}, {Value: true, Count: 1}, {Value: "1", Count: 1},
		}}},
		{qb.Query{}, qb.Data("v").By(), 2, qb.Counts{Total: 10, Values: []qb.ValueCount{{Value: nil, Count: 3}, {Value: "x", Count: 3}}}},
		{qb.Where(qb.Data("v").Ne("x")).Page(1, 1), qb.RevStatus().By(), 0, qb.Counts{Total: 4, Values: []qb.ValueCount{{Value: "stable", Count: 4}}}},
		{qb.Query{}, qb.RevStatus().By(), 0, qb.Counts{Total: 10, Values: []qb.ValueCount{
			{Value: "stable", Count: 8}, {Value: nil, Count: 1}, {Value: "draft", Count: 1},
		}}},
		{qb.Query{}, qb.RevCreatedTime().By(), 0, qb.Counts{Total: 10, Values: []qb.ValueCount{{Value: noon, Count: 9}, {Value: nil, Count: 1}}}},
		{qb.Query{}, qb.TotalRevisionCount().By(), 0, qb.Counts{Total: 10, Values: []qb.ValueCount{{Value: int64(1), Count: 10}}}},
		{qb.Query{}, qb.IsDeleted().By(), 0, qb.Counts{Total: 10, Values: []qb.ValueCount{{Value: false, Count: 10}}}},
	} {
		got, err := metas.CountBy(t.Context(), c.q, c.by, c.limit)
		ok(t, "count by value", err)
		equal(t, "the counts", got, c.want)
	}
}

// flagsAreBits: an integer contains flags by its bits, not by its digits.
func flagsAreBits(t T, s *subject) {
	metas := s.use(t).Metas
	var all []resource.Meta
	for id, v := range map[resource.ID]any{"create": 1, "update": 64, "both": 65, "digits": 640, "text": "64", "none": nil} {
		m := newMeta(id, 1)
		x, err := resource.NewIndexed(map[string]any{"action": v})
		ok(t, "index", err)
		m.IndexedData = opt.Of(x)
		all = append(all, m)
	}
	ok(t, "save", metas.SaveMany(t.Context(), all))
	for _, flags := range []qb.Flags{1, 64, 65, 128} {
		wantAnswer(t, metas, all, qb.Where(qb.Data("action").Contains(flags)))
		wantAnswer(t, metas, all, qb.Where(qb.Not{qb.Data("action").Contains(flags)}, qb.CreatedBy().Exists(true)))
	}
	got := idsOf(collect(t, "search", metas.Search(t.Context(), qb.Where(qb.Data("action").Contains(qb.Flags(64))))))
	equal(t, "what contains 64", got, []resource.ID{"both", "text", "update"})
}
