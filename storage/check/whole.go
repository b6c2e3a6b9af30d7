package check

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// wholeBatchChecks are for stores with transactions.
func wholeBatchChecks() []check {
	return []check{
		{"G3/save_many_of_metas_is_whole", saveManyMetasIsWhole},
		{"G3/save_many_of_revisions_is_whole", saveManyRevisionsIsWhole},
		{"G3/unit_with_a_bad_record_writes_nothing", badUnitWritesNothing},
		{"G17/snapshot_joins_models", snapshotJoinsModels},
	}
}

// wholeLoadChecks are for stores that publish in one transaction.
func wholeLoadChecks() []check {
	return []check{{"G14/publish_is_seen_at_once", publishIsSeenAtOnce}}
}

func saveManyMetasIsWhole(t T, s *subject) {
	metas := s.use(t).Metas
	ok(t, "save meta", metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 1)}))
	err := metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 2), newMeta("p2", 1), newMeta("", 1), newMeta("p3", 1)})
	if err == nil {
		t.Fatalf("a meta without an id was saved")
	}
	wantIDs(t, metas, "p1")
	got, err := metas.Get(t.Context(), "p1")
	ok(t, "get meta", err)
	sameMeta(t, "the meta after a refused batch", got, newMeta("p1", 1))
}

func saveManyRevisionsIsWhole(t T, s *subject) {
	revs := s.use(t).Revisions
	err := revs.SaveMany(t.Context(), []resource.Revision{newRevision("p1", 1), newRevision("", 1), newRevision("p2", 1)})
	if err == nil {
		t.Fatalf("a revision of a resource without an id was saved")
	}
	wantRevisions(t, revs, "p1")
	wantRevisions(t, revs, "p2")
}

func badUnitWritesNothing(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1", "p2")
	bad := resources("p3", "p1")
	bad.Metas = append(bad.Metas, newMeta("", 1))
	k := newJob("save")
	b := storage.Batch{Refs: refsTo("p3", "p1", ""), Jobs: []uuid.UUID{k.ID}}
	err := s.update(t, b, storage.Writes{Models: writesOf(model, bad), Jobs: []storage.Job{ended(k, `{}`)}})
	if err == nil {
		t.Fatalf("a meta without an id was written")
	}
	wantIDs(t, stores.Metas, "p1", "p2")
	wantRevisions(t, stores.Revisions, "p3")
	_, err = s.Ledger().Get(t.Context(), k.ID)
	wantErr(t, "job of a unit that failed", err, storage.ErrNotFound)
}

// snapshotJoinsModels takes snapshots while units write to two models at once.
func snapshotJoinsModels(t T, s *subject) {
	s.useModel(t, "order")
	s.useModel(t, "person")
	r := []storage.Ref{{Model: "order", ID: "x"}, {Model: "person", ID: "x"}}
	done := make(chan error, 1)
	go func() {
		var errs error
		for range 40 {
			errs = errors.Join(errs, s.Unit().Update(t.Context(), storage.Batch{Refs: r}, func(v storage.View) (storage.Writes, error) {
				n := v.NextNumber(r[0])
				w := storage.ModelWrites{Metas: []resource.Meta{newMeta("x", n)}, Revisions: []resource.Revision{newRevision("x", n)}}
				return storage.Writes{Models: map[string]storage.ModelWrites{"order": w, "person": w}}, nil
			}))
		}
		done <- errs
	}()
	for running := true; running; {
		select {
		case err := <-done:
			ok(t, "concurrent units", err)
			running = false
		default:
		}
		snap, err := s.Snapshot(t.Context())
		ok(t, "snapshot", err)
		var counts []int
		for _, name := range []string{"person", "order"} {
			m, revs, err := snap.Build(t.Context(), name)
			ok(t, "build in a snapshot", err)
			metas, err := m.GetMany(t.Context(), []resource.ID{"x"})
			ok(t, "get many", err)
			n := 0
			if len(metas) == 1 {
				n = metas[0].TotalRevisionCount
			}
			counts = append(counts, n)
			if !s.Traits().LiveRevisions {
				counts = append(counts, len(collect(t, "revisions", revs.List(t.Context(), "x"))))
			}
		}
		ok(t, "close snapshot", snap.Close())
		for _, n := range counts {
			equal(t, "what one snapshot counts in two models", n, counts[0])
		}
	}
}

// publishIsSeenAtOnce reads while a load is published: all of it or nothing.
func publishIsSeenAtOnce(t T, s *subject) {
	stores := s.use(t)
	c := s.claim(t, newJob("load"))
	const chunks, size = 5, 40
	for no := range chunks {
		var ids []resource.ID
		for i := range size {
			ids = append(ids, resource.ID(fmt.Sprintf("p%d-%03d", no, i)))
		}
		ok(t, "stage", s.stage(t, c, no, ids...))
	}
	published := make(chan error, 1)
	go func() { published <- s.publish(t, c) }()
	for done := false; !done; {
		select {
		case err := <-published:
			ok(t, "publish", err)
			done = true
		default:
		}
		n := len(collect(t, "all metas", stores.Metas.All(t.Context())))
		if n != 0 && n != chunks*size || done && n == 0 {
			t.Fatalf("%d of %d resources of a load are visible", n, chunks*size)
		}
	}
}
