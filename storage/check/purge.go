package check

import (
	"slices"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func purgeChecks() []check {
	return []check{
		{"G23/purge_leaves_nothing", purgeLeavesNothing},
		{"G23/purge_comes_before_what_is_written", purgeComesFirst},
		{"G23/purge_of_another_resource_is_refused", purgeOfOthers},
		{"G23/load_purges_nothing", loadPurgesNothing},
	}
}

// wholePurgeChecks are for stores with transactions.
func wholePurgeChecks() []check {
	return []check{{"G23/purge_is_undone_with_its_unit", purgeIsUndone}}
}

// purge purges resources of the usual model in a unit of its own.
func (s *subject) purge(t T, ids ...resource.ID) error {
	t.Helper()
	return s.update(t, storage.Batch{Refs: refsTo(ids...)}, storage.Writes{Models: writesOf(model, storage.ModelWrites{Purge: ids})})
}

// wantPayloads fails t unless exactly these resources have payloads somewhere.
func (s *subject) wantPayloads(t T, want ...resource.ID) {
	t.Helper()
	var got []resource.ID
	for _, p := range collect(t, "payloads", s.Garbage().Payloads(t.Context())) {
		got = append(got, p.Resource)
	}
	slices.Sort(got)
	equal(t, "resources that have payloads", slices.Compact(got), want)
}

func purgeLeavesNothing(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1", "p2", "p3")
	more := []resource.Revision{
		newRevision("p2", 2), newRevision("p2", 9), withSchema(newRevision("p2", 2), "1"), newRevision("p4", 5),
	}
	ok(t, "save revisions", stores.Revisions.SaveMany(t.Context(), more))
	ok(t, "purge", s.purge(t, "p4", "p2", "absent", "p2"))

	wantIDs(t, stores.Metas, "p1", "p3")
	n, err := stores.Metas.Count(t.Context(), qb.Query{})
	ok(t, "count", err)
	equal(t, "count", n, 2)
	for _, id := range []resource.ID{"p2", "p4"} {
		_, err := stores.Metas.Get(t.Context(), id)
		wantErr(t, "get a purged meta", err, storage.ErrNotFound)
		wantRevisions(t, stores.Revisions, id)
	}
	_, err = stores.Revisions.Get(t.Context(), more[2].Info.Key())
	wantErr(t, "get a purged revision", err, storage.ErrNotFound)
	dumped := collect(t, "dump", stores.Revisions.DumpAll(t.Context(), slices.Values([]resource.ID{"p1", "p2", "p3", "p4"})))
	equal(t, "number of revisions dumped", len(dumped), 2)
	equal(t, "number of revisions", countOf(t, stores), 2)
	s.wantPayloads(t, "p1", "p3")
	r := refsTo("p2", "p4")
	err = s.Unit().Update(t.Context(), storage.Batch{Refs: r}, func(v storage.View) (storage.Writes, error) {
		equal(t, "next number of a purged resource", v.NextNumber(r[0]), 1)
		equal(t, "next number of purged revisions", v.NextNumber(r[1]), 1)
		return increment(r[0])(v)
	})
	ok(t, "create again", err)
	wantRevisions(t, stores.Revisions, "p2", "p2:1")
}

func purgeComesFirst(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1")
	ok(t, "save revisions", stores.Revisions.SaveMany(t.Context(), []resource.Revision{newRevision("p1", 2), newRevision("p1", 3)}))
	w := storage.ModelWrites{
		Purge: []resource.ID{"p1"}, Metas: []resource.Meta{newMeta("p1", 2)},
		Revisions: []resource.Revision{newRevision("p1", 1), newRevision("p1", 2)},
	}
	ok(t, "purge and write", s.update(t, storage.Batch{Refs: refsTo("p1")}, storage.Writes{Models: writesOf(model, w)}))
	wantIDs(t, stores.Metas, "p1")
	wantRevisions(t, stores.Revisions, "p1", "p1:1", "p1:2")
	rev, err := stores.Revisions.Get(t.Context(), newInfo("p1", 2).Key())
	ok(t, "get", err)
	sameRevision(t, "the revision", rev, newRevision("p1", 2))
}

func purgeOfOthers(t T, s *subject) {
	stores := s.use(t)
	s.useModel(t, "order")
	s.put(t, "p1")
	for what, refs := range map[string][]storage.Ref{
		"another resource": refsTo("p2"), "another model": {{Model: "order", ID: "p1"}},
	} {
		w := storage.Writes{Models: writesOf(model, storage.ModelWrites{Purge: []resource.ID{"p1"}})}
		if err := s.update(t, storage.Batch{Refs: refs}, w); err == nil {
			t.Fatalf("a resource was purged by a unit of work about %s", what)
		}
	}
	wantIDs(t, stores.Metas, "p1")
	wantRevisions(t, stores.Revisions, "p1", "p1:1")
}

func loadPurgesNothing(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1")
	c := s.claim(t, newJob("load"))
	w := resources("p2")
	w.Purge = []resource.ID{"p1"}
	err := s.Unit().Stage(t.Context(), storage.Staged{Chunk: storage.ChunkRef{Claim: c}, Models: writesOf(model, w), Outcome: []byte(`{}`)})
	if err == nil {
		t.Fatalf("a chunk that purges was staged")
	}
	wantIDs(t, stores.Metas, "p1")
}

func purgeIsUndone(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1", "p2")
	w := resources("p2", "")
	w.Purge = []resource.ID{"p1"}
	err := s.update(t, storage.Batch{Refs: refsTo("p1", "p2", "")}, storage.Writes{Models: writesOf(model, w)})
	if err == nil {
		t.Fatalf("a meta without an id was written")
	}
	wantIDs(t, stores.Metas, "p1", "p2")
	wantRevisions(t, stores.Revisions, "p1", "p1:1")
}
