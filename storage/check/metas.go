package check

import (
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func metaChecks() []check {
	return []check{
		{"G2/saved_metas_are_read", savedMetasAreRead},
		{"G5/metas_come_by_id", metasComeByID},
		{"G8/absent_meta_is_not_found", absentMeta},
		{"G10/meta_is_replaced", metaIsReplaced},
		{"G2/stats_count_rows", statsCountRows},
		{"G20/sparse_meta_comes_back", sparseMeta},
	}
}

func savedMetasAreRead(t T, s *subject) {
	metas := s.use(t).Metas
	want := []resource.Meta{newMeta("p3", 1), newMeta("p1", 2), newMeta("p2", 12)}
	ok(t, "save metas", metas.SaveMany(t.Context(), want))
	for _, m := range want {
		got, err := metas.Get(t.Context(), m.ResourceID)
		ok(t, "get meta", err)
		sameMeta(t, "the meta", got, m)
	}
	many, err := metas.GetMany(t.Context(), []resource.ID{"p3", "nobody", "p1", "p3"})
	ok(t, "get many", err)
	equal(t, "ids of many", idsOf(many), []resource.ID{"p1", "p3"})
	sameMeta(t, "the first of many", many[0], want[1])
	ok(t, "save nothing", metas.SaveMany(t.Context(), nil))
	none, err := metas.GetMany(t.Context(), nil)
	ok(t, "get nothing", err)
	equal(t, "number of metas of no ids", len(none), 0)
}

func metasComeByID(t T, s *subject) {
	metas := s.use(t).Metas
	want := []resource.ID{"A", "B:1", "a", "a-b", "a.b", "a:1", "a:10", "a:2", "a_b", "b", "é", "中"}
	var all []resource.Meta
	for i := range want {
		all = append(all, newMeta(want[(i*5+3)%len(want)], 1))
	}
	ok(t, "save metas", metas.SaveMany(t.Context(), all))
	wantIDs(t, metas, want...)
	many, err := metas.GetMany(t.Context(), []resource.ID{"中", "a:2", "B:1", "a:10"})
	ok(t, "get many", err)
	equal(t, "ids of many", idsOf(many), []resource.ID{"B:1", "a:10", "a:2", "中"})
}

func absentMeta(t T, s *subject) {
	metas := s.use(t).Metas
	_, err := metas.Get(t.Context(), "nobody")
	wantErr(t, "get of an absent meta", err, storage.ErrNotFound)
	ok(t, "delete of an absent meta", metas.Delete(t.Context(), []resource.ID{"nobody"}))
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 1), newMeta("p2", 1), newMeta("p3", 1)}))
	ok(t, "delete", metas.Delete(t.Context(), []resource.ID{"p3", "p1", "nobody", "p3"}))
	wantIDs(t, metas, "p2")
	_, err = metas.Get(t.Context(), "p1")
	wantErr(t, "get of a deleted meta", err, storage.ErrNotFound)
}

func metaIsReplaced(t T, s *subject) {
	metas := s.use(t).Metas
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 1)}))
	deleted := newMeta("p1", 2)
	deleted.IsDeleted = true
	ok(t, "save again", metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 3), newMeta("p2", 1), deleted}))
	got, err := metas.Get(t.Context(), "p1")
	ok(t, "get", err)
	sameMeta(t, "the last value of a repeated id", got, deleted)
	wantIDs(t, metas, "p1", "p2")
}

func statsCountRows(t T, s *subject) {
	stores := s.use(t)
	half, bare, deleted := newMeta("p2", 1), newMeta("p3", 1), newMeta("p4", 1)
	half.Rev.UpdatedTime = opt.Value[time.Time]{}
	bare.Rev = resource.RevMeta{}
	deleted.IsDeleted = true
	ok(t, "save metas", stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 2), half, bare, deleted}))
	one := newRevision("p1", 1)
	revs := []resource.Revision{one, newRevision("p1", 2), withSchema(one, "2"), newRevision("p2", 1)}
	ok(t, "save revisions", stores.Revisions.SaveMany(t.Context(), revs))
	got, err := stores.Metas.Stats(t.Context())
	ok(t, "stats", err)
	equal(t, "the stats", got, storage.Stats{Metas: 4, UnsetRev: 2})
	equal(t, "number of revisions", countOf(t, stores), 4)
}

func sparseMeta(t T, s *subject) {
	metas := s.use(t).Metas
	sparse := newMeta("p1", 1)
	sparse.Rev = resource.RevMeta{}
	empty := newMeta("p2", 1)
	empty.SchemaVersion, empty.CreatedBy, empty.UpdatedBy = opt.Of(""), "", ""
	empty.Rev.CreatedBy = opt.Of("")
	none, err := resource.NewIndexed(nil)
	ok(t, "make empty indexed data", err)
	empty.IndexedData = opt.Of(none)
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{sparse, empty}))
	for _, want := range []resource.Meta{sparse, empty} {
		got, err := metas.Get(t.Context(), want.ResourceID)
		ok(t, "get", err)
		sameMeta(t, "the meta", got, want)
	}
}
