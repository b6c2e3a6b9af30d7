package check

import (
	"errors"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func publishChecks() []check {
	return []check{
		{"G14/publish_shows_all", publishShowsAll},
		{"G14/publish_over_an_existing_resource_shows_nothing", publishDuplicate},
		{"G14/duplicates_are_counted_over_models", publishDuplicatesOverModels},
		{"G12/publish_ends_the_job", publishEndsJob},
	}
}

func publishShowsAll(t T, s *subject) {
	people, orders := s.useModel(t, "person"), s.useModel(t, "order")
	c := s.claim(t, newJob("load"))
	w := resources("p1", "p2")
	w.Revisions = append(w.Revisions, newRevision("p1", 10), newRevision("p1", 2), withSchema(newRevision("p1", 2), "2"))
	w.Blobs = []string{"b1"}
	err := s.Unit().Stage(t.Context(), storage.Staged{
		Chunk: storage.ChunkRef{Claim: c, No: 4}, Models: map[string]storage.ModelWrites{"person": w, "order": resources("o1")},
	})
	ok(t, "stage", err)
	ok(t, "publish", s.publish(t, c))
	wantIDs(t, people.Metas, "p1", "p2")
	wantIDs(t, orders.Metas, "o1")
	wantRevisions(t, people.Revisions, "p1", "p1:1", "p1:2", "p1:2", "p1:10")
	equal(t, "blobs", collect(t, "blobs", people.Metas.Blobs(t.Context())), []string{"b1"})
	for _, r := range w.Revisions {
		got, err := people.Revisions.Get(t.Context(), r.Info.Key())
		ok(t, "get", err)
		sameRevision(t, "the revision", got, r)
	}
	meta, err := people.Metas.Get(t.Context(), "p2")
	ok(t, "get", err)
	sameMeta(t, "the meta", meta, w.Metas[1])
}

func publishDuplicate(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p2")
	j := newJob("load")
	c := s.claim(t, j)
	ok(t, "stage", s.stage(t, c, 0, "p3", "p1"))
	ok(t, "stage", s.stage(t, c, 1, "p2"))
	err := s.publish(t, c)
	dup, is := errors.AsType[*storage.DuplicateError](err)
	if !is {
		t.Fatalf("publish over an existing resource gave the error %v, want a DuplicateError", err)
	}
	equal(t, "model", dup.Model, model)
	equal(t, "ids", dup.IDs, []resource.ID{"p2"})
	equal(t, "count", dup.Count, 1)
	wantIDs(t, stores.Metas, "p2")
	s.wantNothing(t, stores, "p1", "p3")
	s.wantJob(t, j, storage.JobRunning)
	ok(t, "unstage", s.Unit().Unstage(t.Context(), c))
	final := storage.Final{State: storage.JobRefused, ErrorCode: "duplicate_resource"}
	ok(t, "finish", s.Ledger().Finish(t.Context(), c, final))
	wantIDs(t, stores.Metas, "p2")
}

func publishDuplicatesOverModels(t T, s *subject) {
	people, orders := s.useModel(t, "person"), s.useModel(t, "order")
	var ids []resource.ID
	for i := range 40 {
		ids = append(ids, resource.ID(fmt.Sprintf("x%02d", i)))
	}
	s.put(t, ids...)
	ok(t, "save", orders.Metas.SaveMany(t.Context(), []resource.Meta{newMeta("o1", 1), newMeta("o2", 1)}))
	c := s.claim(t, newJob("load"))
	for i, chunk := range []map[string]storage.ModelWrites{
		{"person": resources(ids[20:]...), "order": resources("o2", "o9")},
		{"person": resources(ids[:20]...)},
		{"person": resources("new")},
	} {
		ok(t, "stage", s.Unit().Stage(t.Context(), storage.Staged{Chunk: storage.ChunkRef{Claim: c, No: i}, Models: chunk}))
	}
	dup, is := errors.AsType[*storage.DuplicateError](s.publish(t, c))
	if !is {
		t.Fatalf("publish over existing resources gave no DuplicateError")
	}
	equal(t, "count", dup.Count, 41)
	all := map[string][]resource.ID{"person": ids, "order": {"o2"}}[dup.Model]
	if len(dup.IDs) == 0 || len(dup.IDs) > len(all) || !slices.Equal(dup.IDs, all[:len(dup.IDs)]) {
		t.Fatalf("the error names %q of %s, want the first few of %q", dup.IDs, dup.Model, all)
	}
	s.wantNothing(t, people, "new")
	s.wantNothing(t, orders, "o9")
}

func publishEndsJob(t T, s *subject) {
	stores := s.use(t)
	j := newJob("load")
	c := s.claim(t, j)
	ok(t, "stage", s.stage(t, c, 0, "p1"))
	ok(t, "publish", s.publish(t, c))
	got := s.wantJob(t, j, storage.JobDone)
	equal(t, "outcome", string(got.Outcome), `{"loaded":1}`)
	wantErr(t, "publish again", s.publish(t, c), storage.ErrFenced)
	wantErr(t, "stage after the end", s.stage(t, c, 1, "p2"), storage.ErrFenced)
	ok(t, "unstage after the end", s.Unit().Unstage(t.Context(), storage.Claim{Job: j.ID}))
	wantIDs(t, stores.Metas, "p1")
	wantRevisions(t, stores.Revisions, "p1", "p1:1")

	empty := newJob("load")
	ok(t, "publish nothing", s.publish(t, s.claim(t, empty)))
	s.wantJob(t, empty, storage.JobDone)
}
