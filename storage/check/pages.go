package check

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// generatedWalks is how many queries are walked page by page.
const generatedWalks = 80

func pageChecks() []check {
	return []check{
		{"G32/pages_are_the_whole_answer", pagesAreTheAnswer},
		{"G32/pages_go_on_behind_what_is_gone", pagesBehindWhatIsGone},
		{"G32/pages_show_what_stays_once", pagesWhileRowsChange},
		{"G32/position_of_another_order_is_refused", otherOrderIsRefused},
	}
}

// walk reads a query in pages, each from the cursor of the one before, and calls
// between, when it is not nil, between two pages.
func (s *subject) walk(t T, name string, r storage.MetaReader, q qb.Query, size int, between func()) []resource.Meta {
	t.Helper()
	cursors := qb.Cursors{Store: s.ID(), Model: name}
	q.Limit = opt.Of(size)
	var all []resource.Meta
	for {
		page := collect(t, "search a page", r.Search(t.Context(), q))
		all = append(all, page...)
		if len(page) > size {
			t.Fatalf("a page of %d has %d metas", size, len(page))
		}
		if len(page) < size {
			return all
		}
		cursor, err := cursors.Encode(qb.PositionOf(page[len(page)-1], q.Sort))
		ok(t, "make a cursor", err)
		after, err := cursors.Decode(cursor, q.Sort)
		ok(t, "read a cursor", err)
		q = q.From(after)
		q.Offset = 0
		if between != nil {
			between()
		}
	}
}

// pagesAreTheAnswer: generated queries, read in pages, are what they are at once.
func pagesAreTheAnswer(t T, s *subject) {
	src := rand.New(rand.NewPCG(2, 0))
	stores := s.use(t)
	d := newDrawing(src, 60)
	ok(t, "save", stores.Metas.SaveMany(t.Context(), d.metas))
	all := collect(t, "all metas", stores.Metas.All(t.Context()))
	for _, q := range generated(generatedWalks, d.query) {
		q.Limit, q.After = opt.Value[int]{}, opt.Value[qb.Position]{}
		got := idsOf(s.walk(t, model, stores.Metas, q, 1+src.IntN(9), nil))
		if want := idsOf(reference(all, q)); !slices.Equal(got, want) {
			t.Fatalf("the query %s\nin pages gave %q\nwant %q", tell(q), got, want)
		}
		// A position of any meta, also one that the condition does not select.
		from := q.From(qb.PositionOf(pick(src, all), q.Sort)).Page(1+src.IntN(20), src.IntN(5))
		wantAnswer(t, stores.Metas, all, from)
	}
}

// pagesBehindWhatIsGone: the meta that a position was taken of may be another one by
// now, or none.
func pagesBehindWhatIsGone(t T, s *subject) {
	stores := s.use(t)
	for n, id := range []resource.ID{"a", "b", "c", "d"} {
		ok(t, "save", stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta(id, 4-n)}))
	}
	sorts := []qb.Sort{qb.UpdatedTime().Desc()}
	b, err := stores.Metas.Get(t.Context(), "b")
	ok(t, "get", err)
	q := qb.Query{Sort: sorts}.From(qb.PositionOf(b, sorts))
	ok(t, "delete", stores.Metas.Delete(t.Context(), []resource.ID{"b"}))
	equal(t, "what is behind b", idsOf(collect(t, "search", stores.Metas.Search(t.Context(), q))), []resource.ID{"c", "d"})
	ok(t, "save", stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta("b", 1)}))
	equal(t, "what is behind where b was", idsOf(collect(t, "search", stores.Metas.Search(t.Context(), q))), []resource.ID{"c", "d", "b"})
	n, err := stores.Metas.Count(t.Context(), q)
	ok(t, "count", err)
	equal(t, "count of a query with a position", n, 4)
}

// pagesWhileRowsChange: while others write, every meta that stays as it is is shown
// exactly once, in order.
func pagesWhileRowsChange(t T, s *subject) {
	src := rand.New(rand.NewPCG(3, 0))
	for walk := range 12 {
		name := "m-" + uuid.NewString()
		metas := s.useModel(t, name).Metas
		save := func(rows ...resource.Meta) { ok(t, "save", metas.SaveMany(t.Context(), rows)) }
		d := newDrawing(src, 40)
		rows := d.metas
		for n := range rows {
			rows[n].ResourceID = resource.ID(fmt.Sprintf("row:%02d", n))
		}
		save(rows...)
		touched := map[resource.ID]bool{}
		between := func() {
			for range src.IntN(3) {
				m, id := d.meta(0), pick(src, rows).ResourceID
				touched[id] = true
				switch m.ResourceID = id; src.IntN(3) {
				case 0:
					ok(t, "delete", metas.Delete(t.Context(), []resource.ID{id}))
				case 1:
					save(m)
				default:
					m.ResourceID = resource.ID(fmt.Sprintf("new:%s:%02d", id, src.IntN(100)))
					touched[m.ResourceID] = true
					save(m)
				}
			}
		}
		q := qb.Query{Sort: d.query().Sort}
		changed := func(m resource.Meta) bool { return touched[m.ResourceID] }
		got := slices.DeleteFunc(s.walk(t, name, metas, q, 1+walk%7, between), changed)
		want := slices.DeleteFunc(collect(t, "all metas", metas.All(t.Context())), changed)
		if got, want := idsOf(got), idsOf(reference(want, q)); !slices.Equal(got, want) {
			t.Fatalf("of the order %#v the pages showed of what stayed\n%q\nwant\n%q", q.Sort, got, want)
		}
	}
}

func otherOrderIsRefused(t T, s *subject) {
	metas := s.use(t).Metas
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{newMeta("a", 1), newMeta("b", 2)}))
	q := qb.Query{Sort: []qb.Sort{qb.UpdatedTime().Desc()}}
	q = q.From(qb.PositionOf(newMeta("a", 1), []qb.Sort{qb.UpdatedTime().Asc()}))
	n := 0
	for _, err := range metas.Search(t.Context(), q) {
		n++
		if refused, is := errors.AsType[*qb.CursorError](err); !is || refused.Fault != qb.CursorOtherOrder {
			t.Fatalf("a position of another order gave %v", err)
		}
	}
	equal(t, "number of errors of a position of another order", n, 1)
}
