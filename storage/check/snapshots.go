package check

import (
	"fmt"
	"slices"
	"sync"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func snapshotChecks() []check {
	return []check{
		{"G17/snapshot_shows_the_past", snapshotShowsPast},
		{"G17/snapshot_lets_writers_write", snapshotLetsWrite},
		{"G17/snapshot_is_shared", snapshotIsShared},
	}
}

// snapshotOf calls fn with the readers of a model in a snapshot of now, and
// closes it afterwards.
func (s *subject) snapshotOf(t T, fn func(storage.MetaReader, storage.RevisionReader)) {
	t.Helper()
	snap, err := s.Snapshot(t.Context())
	ok(t, "snapshot", err)
	m, r, err := snap.Build(t.Context(), model)
	ok(t, "build in a snapshot", err)
	fn(m, r)
	ok(t, "close snapshot", snap.Close())
}

func snapshotShowsPast(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1", "p2")
	s.snapshotOf(t, func(m storage.MetaReader, r storage.RevisionReader) {
		wantIDs(t, m, "p1", "p2")
		for range 2 {
			p1 := refsTo("p1")[0]
			ok(t, "update", s.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{p1}}, increment(p1)))
		}
		ok(t, "delete", stores.Metas.Delete(t.Context(), []resource.ID{"p2"}))
		ok(t, "purge", stores.Revisions.Purge(t.Context(), []resource.ID{"p2"}))
		s.put(t, "p3")
		wantIDs(t, stores.Metas, "p1", "p3")

		wantIDs(t, m, "p1", "p2")
		got, err := m.Get(t.Context(), "p1")
		ok(t, "get", err)
		sameMeta(t, "the meta in the snapshot", got, newMeta("p1", 1))
		found := collect(t, "search", m.Search(t.Context(), qb.Query{}))
		equal(t, "ids found in the snapshot", idsOf(found), []resource.ID{"p1", "p2"})
		n, err := m.Count(t.Context(), qb.Query{})
		ok(t, "count", err)
		equal(t, "count in the snapshot", n, 2)
		if s.Traits().LiveRevisions {
			return
		}
		wantRevisions(t, r, "p1", "p1:1")
		wantRevisions(t, r, "p3")
		dump := collect(t, "dump", r.DumpAll(t.Context(), slices.Values([]resource.ID{"p1", "p2", "p3"})))
		equal(t, "number of revisions in the snapshot", len(dump), 2)
		sameRevision(t, "a revision in the snapshot", dump[1], newRevision("p2", 1))
	})
	wantIDs(t, stores.Metas, "p1", "p3")
}

func snapshotLetsWrite(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1")
	s.snapshotOf(t, func(m storage.MetaReader, _ storage.RevisionReader) {
		for meta, err := range m.All(t.Context()) {
			ok(t, "all metas", err)
			s.put(t, meta.ResourceID, "p2", "p3")
		}
		ok(t, "save model", s.SaveModel(t.Context(), storage.ModelInfo{Name: "late", Encoding: resource.JSON}))
		s.snapshotOf(t, func(m storage.MetaReader, _ storage.RevisionReader) { wantIDs(t, m, "p1", "p2", "p3") })
		wantIDs(t, m, "p1")
	})
	wantIDs(t, stores.Metas, "p1", "p2", "p3")
}

// snapshotIsShared reads a snapshot by as many goroutines as may, and the metas beside
// them, after everything was changed.
func snapshotIsShared(t T, s *subject) {
	stores := s.use(t)
	var ids []resource.ID
	for i := range 60 {
		ids = append(ids, resource.ID(fmt.Sprintf("p%02d", i)))
	}
	s.put(t, ids...)
	snap, readers, err := storage.SnapshotFor(t.Context(), s.Factory, 3)
	ok(t, "snapshot", err)
	s.put(t, "q1")
	ok(t, "delete", stores.Metas.Delete(t.Context(), ids[:30]))
	m, r, err := snap.Build(t.Context(), model)
	ok(t, "build in a snapshot", err)
	var reading sync.WaitGroup
	found := make([][]resource.RevisionID, readers)
	errs := make([]error, readers)
	for i := range readers {
		reading.Go(func() {
			for rev, err := range r.DumpAll(t.Context(), slices.Values(ids)) {
				if errs[i] = err; err != nil {
					return
				}
				found[i] = append(found[i], rev.Info.RevisionID)
			}
		})
	}
	wantIDs(t, m, ids...)
	reading.Wait()
	for i := range readers {
		ok(t, "dump by one of several", errs[i])
		equal(t, "number of revisions", len(found[i]), len(ids))
		equal(t, "their order", slices.IsSorted(found[i]), true)
	}
	ok(t, "close snapshot", snap.Close())
}
