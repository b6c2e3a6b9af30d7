package check

import (
	"fmt"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func rangeChecks() []check {
	return []check{
		{"G41/rows_are_those_of_the_range", rowsOfRange},
		{"G41/unfilled_are_those_of_the_range", unfilledOfRange},
		{"G41/cuts_leave_out_nothing", cutsLeaveOutNothing},
		{"G41/rows_are_witnesses", rowsAreWitnesses},
	}
}

// manyMetas saves so many metas, of which every third lacks rev_* fields, with ids whose
// order is not that of their numbers nor that of any language, and returns the ids.
func manyMetas(t T, metas storage.MetaStore, n int) []resource.ID {
	t.Helper()
	all := make([]resource.Meta, n)
	for i := range all {
		id := resource.ID(fmt.Sprintf("%c%d", "pPä_"[i%3], i*7%n))
		if i%3 == 0 {
			all[i] = bare(id, 1)
		} else {
			all[i] = newMeta(id, 1)
		}
	}
	ok(t, "save", metas.SaveMany(t.Context(), all))
	var ids []resource.ID
	for m, err := range metas.All(t.Context()) {
		ok(t, "all", err)
		ids = append(ids, m.ResourceID)
	}
	equal(t, "number of metas", len(ids), n)
	return ids
}

// rowsIn returns the ids of a range, page by page.
func rowsIn(t T, metas storage.MetaReader, in storage.Range, limit int) (ids []resource.ID) {
	t.Helper()
	for {
		page, err := metas.Rows(t.Context(), in, limit)
		ok(t, "rows", err)
		if len(page) > limit {
			t.Fatalf("a page of at most %d rows has %d", limit, len(page))
		}
		for _, row := range page {
			ids = append(ids, row.Meta.ResourceID)
		}
		if len(page) == 0 {
			return ids
		}
		in = in.Behind(ids[len(ids)-1])
	}
}

// heldBy returns those of ids that are in a range.
func heldBy(ids []resource.ID, in storage.Range) (some []resource.ID) {
	for _, id := range ids {
		if in.Holds(id) {
			some = append(some, id)
		}
	}
	return some
}

func rowsOfRange(t T, s *subject) {
	metas := s.use(t).Metas
	ids := manyMetas(t, metas, 20)
	for _, in := range []storage.Range{
		{},
		{After: ids[4]},
		{Until: ids[4]},
		{After: ids[4], Until: ids[11]},
		{After: ids[4] + "!", Until: ids[11] + "!"}, // between two ids
		{After: ids[4], Until: ids[4]},
		{After: ids[11], Until: ids[4]},
		{After: ids[19]},
	} {
		for _, limit := range []int{1, 3, 100} {
			equal(t, fmt.Sprintf("rows of %+v in pages of %d", in, limit), rowsIn(t, metas, in, limit), heldBy(ids, in))
		}
	}
	page, err := metas.Rows(t.Context(), storage.Range{}, 0)
	ok(t, "no rows", err)
	equal(t, "number of no rows", len(page), 0)
}

func unfilledOfRange(t T, s *subject) {
	metas := s.use(t).Metas
	ids := manyMetas(t, metas, 20)
	var lacking []resource.ID
	for _, u := range unfilled(t, metas, 7) {
		lacking = append(lacking, u.Meta.ResourceID)
	}
	for _, in := range []storage.Range{{Until: ids[9]}, {After: ids[4], Until: ids[14]}, {After: lacking[2], Until: lacking[5]}, {After: lacking[6]}} {
		page, err := metas.Unfilled(t.Context(), in, 100)
		ok(t, "unfilled", err)
		var got []resource.ID
		for _, u := range page {
			got = append(got, u.Meta.ResourceID)
		}
		equal(t, fmt.Sprintf("unfilled of %+v", in), got, heldBy(lacking, in))
	}
}

func cutsLeaveOutNothing(t T, s *subject) {
	metas := s.use(t).Metas
	cuts, err := metas.Cuts(t.Context(), 3, false)
	ok(t, "cuts of nothing", err)
	equal(t, "number of cuts of nothing", len(cuts), 0)
	ids := manyMetas(t, metas, 20)
	for _, rows := range []int{1, 3, 20, 100} {
		for _, lacking := range []bool{false, true} {
			what := fmt.Sprintf("cuts of %d rows (unfilled %v)", rows, lacking)
			cuts, err := metas.Cuts(t.Context(), rows, lacking)
			ok(t, what, err)
			var all []resource.ID
			for _, in := range storage.RangesOf(cuts) {
				n := len(heldBy(ids, in))
				all = append(all, rowsIn(t, metas, in, 100)...)
				if lacking {
					page, err := metas.Unfilled(t.Context(), in, 100)
					ok(t, "unfilled", err)
					n = len(page)
				}
				if n > rows {
					t.Fatalf("%s: %+v holds %d", what, in, n)
				}
			}
			equal(t, "what is in the ranges of "+what, all, ids)
			if !lacking {
				equal(t, "number of "+what, len(cuts), len(ids)/rows)
			}
		}
	}
}

func rowsAreWitnesses(t T, s *subject) {
	metas := s.use(t).Metas
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 1), newMeta("p2", 1)}))
	rows, err := metas.Rows(t.Context(), storage.Range{}, 10)
	ok(t, "rows", err)
	equal(t, "number of rows", len(rows), 2)
	sameMeta(t, "the meta of a row", rows[0].Meta, newMeta("p1", 1))
	ok(t, "change one", metas.SaveMany(t.Context(), []resource.Meta{newMeta("p2", 2)}))
	done, err := metas.CompareAndSwap(t.Context(), []storage.Swap{
		{Old: rows[0].Stored, New: newMeta("p1", 3)}, {Old: rows[1].Stored, New: newMeta("p2", 3)},
	})
	ok(t, "swap", err)
	equal(t, "answers", done, []bool{true, false})
}
