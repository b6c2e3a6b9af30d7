package check

import (
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Uids are made to be unique, but archives are not: the original's migration
// keeps the uid of what it migrates, so that archives made before and after it
// have one uid with two contents; and resources that are copied under another id
// by whoever edits an archive keep theirs.
func uidChecks() []check {
	return []check{
		{"G10/keys_may_share_a_uid", keysShareUID},
		{"G10/resources_may_share_a_uid", resourcesShareUID},
		{"G14/staged_revisions_may_share_a_uid", stagedShareUID},
	}
}

// sharing returns a revision and others with its uid: a migrated one and one of
// another resource.
func sharing() (old, migrated, copied resource.Revision) {
	old = newRevision("p1", 1)
	migrated = withSchema(old, "2")
	migrated.Info.UID, migrated.Data = old.Info.UID, []byte(`{"migrated":true}`)
	copied = newRevision("p2", 1)
	copied.Info.UID = old.Info.UID
	return old, migrated, copied
}

// wantAll fails t unless each revision is stored exactly as given.
func wantAll(t T, revs storage.RevisionReader, want ...resource.Revision) {
	t.Helper()
	for _, w := range want {
		got, err := revs.Get(t.Context(), w.Info.Key())
		ok(t, "get "+string(w.Info.RevisionID), err)
		sameRevision(t, "revision "+string(w.Info.RevisionID), got, w)
	}
}

func keysShareUID(t T, s *subject) {
	revs := s.use(t).Revisions
	old, migrated, _ := sharing()
	ok(t, "save", revs.SaveMany(t.Context(), []resource.Revision{old}))
	for range 2 {
		ok(t, "save the migrated one", revs.SaveMany(t.Context(), []resource.Revision{migrated}))
		wantAll(t, revs, old, migrated)
		wantRevisions(t, revs, "p1", "p1:1", "p1:1")
	}
	again := migrated
	again.Data = []byte(`{"migrated":"again"}`)
	ok(t, "save it with other content", revs.SaveMany(t.Context(), []resource.Revision{again}))
	wantAll(t, revs, old, again)
	ok(t, "purge", revs.Purge(t.Context(), []resource.ID{"p1"}))
	wantRevisions(t, revs, "p1")
}

func resourcesShareUID(t T, s *subject) {
	stores := s.use(t)
	old, _, copied := sharing()
	s.put(t, "p1")
	err := s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo("p2")}, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: writesOf(model, storage.ModelWrites{
			Metas: []resource.Meta{newMeta("p2", 1)}, Revisions: []resource.Revision{copied},
		})}, nil
	})
	ok(t, "write a copy", err)
	wantAll(t, stores.Revisions, old, copied)
	both := collect(t, "dump", stores.Revisions.DumpAll(t.Context(), slices.Values([]resource.ID{"p1", "p2"})))
	equal(t, "number of revisions", len(both), 2)
	ok(t, "purge the first", stores.Revisions.Purge(t.Context(), []resource.ID{"p1"}))
	wantAll(t, stores.Revisions, copied)
}

func stagedShareUID(t T, s *subject) {
	stores := s.use(t)
	old, _, copied := sharing()
	s.put(t, "p1")
	c := s.claim(t, newJob("load"))
	ok(t, "stage a copy", s.Unit().Stage(t.Context(), storage.Staged{
		Chunk: storage.ChunkRef{Claim: c},
		Models: writesOf(model, storage.ModelWrites{
			Metas: []resource.Meta{newMeta("p2", 1)}, Revisions: []resource.Revision{copied},
		}),
		Outcome: []byte(`{}`),
	}))
	wantAll(t, stores.Revisions, old)
	ok(t, "publish", s.publish(t, c))
	wantAll(t, stores.Revisions, old, copied)
}
