package check

import (
	"bytes"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func swapChecks() []check {
	return []check{
		{"G9/swap_needs_the_stored_bytes", swapNeedsStoredBytes},
		{"G9/swap_answers_for_each", swapAnswersForEach},
		{"G9/unfilled_comes_in_pages", unfilledPages},
		{"G9/unfilled_finds_the_current_revision", unfilledCurrent},
	}
}

// bare returns a meta without rev_* fields, as systems before 0.9 wrote them.
func bare(id resource.ID, n int) resource.Meta {
	m := newMeta(id, n)
	m.Rev = resource.RevMeta{}
	return m
}

// unfilled returns the model's unfilled metas, which must be n.
func unfilled(t T, r storage.MetaReader, n int) []storage.Unfilled {
	t.Helper()
	page, err := r.Unfilled(t.Context(), storage.Range{}, 100)
	ok(t, "unfilled metas", err)
	if len(page) != n {
		t.Fatalf("%d metas are unfilled, want %d", len(page), n)
	}
	return page
}

func swapNeedsStoredBytes(t T, s *subject) {
	metas := s.use(t).Metas
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{bare("p1", 1)}))
	stored := unfilled(t, metas, 1)[0].Stored
	swap := []storage.Swap{{Old: stored, New: newMeta("p1", 1)}}
	done, err := metas.CompareAndSwap(t.Context(), swap)
	ok(t, "swap", err)
	equal(t, "answer", done, []bool{true})
	unfilled(t, metas, 0)

	swap[0].New = newMeta("p1", 7)
	done, err = metas.CompareAndSwap(t.Context(), swap)
	ok(t, "swap with old bytes", err)
	equal(t, "answer to old bytes", done, []bool{false})
	got, err := metas.Get(t.Context(), "p1")
	ok(t, "get", err)
	sameMeta(t, "the meta after a lost swap", got, newMeta("p1", 1))
}

func swapAnswersForEach(t T, s *subject) {
	metas := s.use(t).Metas
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{bare("p1", 1), bare("p2", 1), bare("p3", 1)}))
	var swaps []storage.Swap
	for _, u := range unfilled(t, metas, 3) {
		m := u.Meta
		m.Rev = newMeta(m.ResourceID, 1).Rev
		swaps = append(swaps, storage.Swap{Old: u.Stored, New: m, RevOnly: true})
	}
	ok(t, "change one", metas.SaveMany(t.Context(), []resource.Meta{bare("p2", 2)}))
	ok(t, "delete one", metas.Delete(t.Context(), []resource.ID{"p1"}))
	done, err := metas.CompareAndSwap(t.Context(), swaps)
	ok(t, "swap", err)
	equal(t, "answers", done, []bool{false, false, true})
	wantIDs(t, metas, "p2", "p3")
	got, err := metas.Get(t.Context(), "p2")
	ok(t, "get", err)
	sameMeta(t, "the row that changed", got, bare("p2", 2))
	done, err = metas.CompareAndSwap(t.Context(), nil)
	ok(t, "swap nothing", err)
	equal(t, "number of answers to nothing", len(done), 0)
}

func unfilledPages(t T, s *subject) {
	metas := s.use(t).Metas
	half := newMeta("p6", 1)
	half.Rev.CreatedBy = opt.Value[string]{}
	all := []resource.Meta{bare("p1", 1), bare("p2", 1), newMeta("p3", 1), bare("p4", 1), bare("p5", 1), half}
	ok(t, "save", metas.SaveMany(t.Context(), all))
	var pages [][]resource.ID
	after := resource.ID("")
	for {
		page, err := metas.Unfilled(t.Context(), storage.Range{After: after}, 2)
		ok(t, "unfilled", err)
		if len(page) == 0 {
			break
		}
		var ids []resource.ID
		for _, u := range page {
			ids = append(ids, u.Meta.ResourceID)
			if len(u.Stored) == 0 || bytes.Equal(u.Stored, page[0].Stored) != (u.Meta.ResourceID == page[0].Meta.ResourceID) {
				t.Fatalf("the stored bytes of %s are missing or of another row", u.Meta.ResourceID)
			}
		}
		after = ids[len(ids)-1]
		pages = append(pages, ids)
	}
	equal(t, "pages", pages, [][]resource.ID{{"p1", "p2"}, {"p4", "p5"}, {"p6"}})
}

func unfilledCurrent(t T, s *subject) {
	stores := s.use(t)
	migrated := bare("p2", 1)
	migrated.SchemaVersion = opt.Of("2")
	ok(t, "save metas", stores.Metas.SaveMany(t.Context(), []resource.Meta{bare("p1", 2), migrated, bare("p3", 1)}))
	old := newRevision("p2", 1)
	revs := []resource.Revision{newRevision("p1", 1), newRevision("p1", 2), old, withSchema(old, "2"), withSchema(newRevision("p3", 1), "9")}
	ok(t, "save revisions", stores.Revisions.SaveMany(t.Context(), revs))
	page := unfilled(t, stores.Metas, 3)
	for i, want := range []resource.RevisionInfo{revs[1].Info, revs[3].Info} {
		got, set := page[i].Current.Get()
		if !set {
			t.Fatalf("the current revision of %s was not found", page[i].Meta.ResourceID)
		}
		sameInfo(t, "the current info", got, want)
	}
	if page[2].Current.IsSet() {
		t.Fatalf("a revision at another schema version was taken for the current one")
	}
}
