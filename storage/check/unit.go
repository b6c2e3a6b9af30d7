package check

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func unitChecks() []check {
	return []check{
		{"G3/unit_is_whole", unitIsWhole},
		{"G3/compute_error_writes_nothing", computeErrorWritesNothing},
		{"G3/unit_spans_models", unitSpansModels},
		{"G3/unit_refuses_other_resources", unitRefusesOthers},
		{"G4/unit_sees_the_current_state", unitSeesState},
		{"G10/unit_writes_several_revisions", unitSeveralRevisions},
		{"G4/there_is_a_writer", thereIsAWriter},
		{"G11/number_is_above_orphans", numberAboveOrphans},
		{"G11/number_of_a_deleted_meta_is_not_used_again", numberAfterDelete},
		{"G2/blobs_are_remembered_with_the_model", blobsRemembered},
	}
}

func unitIsWhole(t T, s *subject) {
	stores := s.use(t)
	j := newJob("save")
	b := storage.Batch{Refs: refsTo("p2", "p1", "p2"), Jobs: []uuid.UUID{j.ID}}
	err := s.update(t, b, storage.Writes{
		Models: writesOf(model, resources("p2", "p1")), Jobs: []storage.Job{ended(j, `{"n":2}`)},
	})
	ok(t, "update", err)
	wantIDs(t, stores.Metas, "p1", "p2")
	wantRevisions(t, stores.Revisions, "p1", "p1:1")
	wantRevisions(t, stores.Revisions, "p2", "p2:1")
	got, err := stores.Revisions.Get(t.Context(), newInfo("p2", 1).Key())
	ok(t, "get", err)
	sameRevision(t, "the revision", got, newRevision("p2", 1))
	row := s.wantJob(t, j, storage.JobDone)
	equal(t, "outcome", string(row.Outcome), `{"n":2}`)
}

func computeErrorWritesNothing(t T, s *subject) {
	stores := s.use(t)
	refused := errors.New("refused by the rules")
	j := newJob("save")
	b := storage.Batch{Refs: refsTo("p1"), Jobs: []uuid.UUID{j.ID}}
	err := s.Unit().Update(t.Context(), b, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: writesOf(model, resources("p1")), Jobs: []storage.Job{ended(j, `{}`)}}, refused
	})
	if err != refused {
		t.Fatalf("compute's error came back as %v", err)
	}
	wantIDs(t, stores.Metas)
	wantRevisions(t, stores.Revisions, "p1")
	_, err = s.Ledger().Get(t.Context(), j.ID)
	wantErr(t, "job of a refused unit", err, storage.ErrNotFound)
}

func unitSpansModels(t T, s *subject) {
	people, orders := s.useModel(t, "person"), s.useModel(t, "order")
	refs := []storage.Ref{{Model: "person", ID: "x"}, {Model: "order", ID: "x"}, {Model: "order", ID: "y"}}
	err := s.update(t, storage.Batch{Refs: refs}, storage.Writes{Models: map[string]storage.ModelWrites{
		"person": resources("x"), "order": resources("y", "x"),
	}})
	ok(t, "update", err)
	wantIDs(t, people.Metas, "x")
	wantIDs(t, orders.Metas, "x", "y")
	err = s.update(t, storage.Batch{Refs: append(refs, storage.Ref{Model: "nobody", ID: "x"})}, storage.Writes{})
	wantErr(t, "update of an unknown model", err, storage.ErrNotFound)
}

func unitRefusesOthers(t T, s *subject) {
	stores := s.use(t)
	err := s.update(t, storage.Batch{Refs: refsTo("p1")}, storage.Writes{Models: writesOf(model, resources("p1", "p2"))})
	if err == nil {
		t.Fatalf("a resource outside the batch was written")
	}
	wantIDs(t, stores.Metas)
	ok(t, "update that writes nothing", s.update(t, storage.Batch{Refs: refsTo("p1")}, storage.Writes{}))
	wantIDs(t, stores.Metas)
}

func unitSeesState(t T, s *subject) {
	stores := s.use(t)
	ok(t, "save metas", stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 2)}))
	revs := []resource.Revision{newRevision("p1", 2), newRevision("p1", 1)}
	ok(t, "save revisions", stores.Revisions.SaveMany(t.Context(), revs))
	p1, p2 := refsTo("p1")[0], refsTo("p2")[0]
	err := s.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{p1, p2}}, func(v storage.View) (storage.Writes, error) {
		meta, there := v.Meta(p1)
		equal(t, "whether the meta is there", there, true)
		sameMeta(t, "the meta seen", meta, newMeta("p1", 2))
		_, there = v.Meta(p2)
		equal(t, "whether an absent meta is there", there, false)
		equal(t, "next number", v.NextNumber(p1), 3)
		equal(t, "next number of a new resource", v.NextNumber(p2), 1)

		info, err := v.Info(model, revs[1].Info.Key())
		ok(t, "info", err)
		sameInfo(t, "the info seen", info, revs[1].Info)
		data, err := v.Data(model, revs[0].Info.Key())
		ok(t, "data", err)
		equal(t, "the data seen", string(data), string(revs[0].Data))
		_, err = v.Info(model, newInfo("p1", 9).Key())
		wantErr(t, "info of an absent revision", err, storage.ErrNotFound)
		_, err = v.Data(model, newInfo("p2", 1).Key())
		wantErr(t, "data of an absent revision", err, storage.ErrNotFound)
		infos, err := v.Infos(p1)
		ok(t, "infos", err)
		equal(t, "number of infos", len(infos), 2)
		sameInfo(t, "the first info", infos[0], revs[1].Info)
		infos, err = v.Infos(p2)
		ok(t, "infos of an absent resource", err)
		equal(t, "number of infos of an absent resource", len(infos), 0)
		return storage.Writes{}, nil
	})
	ok(t, "update", err)
}

// increment writes the next revision of a resource.
func increment(r storage.Ref) func(storage.View) (storage.Writes, error) {
	return func(v storage.View) (storage.Writes, error) {
		n := v.NextNumber(r)
		meta, there := v.Meta(r)
		if there && meta.TotalRevisionCount != n-1 {
			return storage.Writes{}, fmt.Errorf("the meta counts %d and the next number is %d", meta.TotalRevisionCount, n)
		}
		rev := newRevision(r.ID, n)
		return storage.Writes{Models: writesOf(r.Model, storage.ModelWrites{
			Metas: []resource.Meta{newMeta(r.ID, n)}, Revisions: []resource.Revision{rev},
		})}, nil
	}
}

func unitSeveralRevisions(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1")
	w := storage.ModelWrites{
		Metas:     []resource.Meta{newMeta("p1", 3)},
		Revisions: []resource.Revision{newRevision("p1", 2), newRevision("p1", 3)},
	}
	ok(t, "update", s.update(t, storage.Batch{Refs: refsTo("p1")}, storage.Writes{Models: writesOf(model, w)}))
	wantRevisions(t, stores.Revisions, "p1", "p1:1", "p1:2", "p1:3")
	meta, err := stores.Metas.Get(t.Context(), "p1")
	ok(t, "get", err)
	sameMeta(t, "the meta", meta, newMeta("p1", 3))

	changed := newRevision("p1", 2)
	changed.Info.UID, changed.Data = uuid.New(), []byte(`{"changed":1}`)
	w = storage.ModelWrites{Revisions: []resource.Revision{changed}}
	ok(t, "point a key at another uid", s.update(t, storage.Batch{Refs: refsTo("p1")}, storage.Writes{Models: writesOf(model, w)}))
	got, err := stores.Revisions.Get(t.Context(), changed.Info.Key())
	ok(t, "get", err)
	sameRevision(t, "the revision", got, changed)
	wantRevisions(t, stores.Revisions, "p1", "p1:1", "p1:2", "p1:3")
}

// numberAboveOrphans writes the next revisions of resources of which revisions are
// stored that no meta counts. What is stored stays, and so does what is written.
func numberAboveOrphans(t T, s *subject) {
	stores := s.use(t)
	revs := []resource.Revision{newRevision("p1", 4), newRevision("p1", 12), newRevision("p2", 1), newRevision("p2", 5)}
	ok(t, "save revisions without metas", stores.Revisions.SaveMany(t.Context(), revs))
	ok(t, "save metas", stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 3), newMeta("p3", 7)}))
	refs := refsTo("p1", "p2", "p3", "p4")
	ok(t, "update", s.Unit().Update(t.Context(), storage.Batch{Refs: refs}, func(v storage.View) (storage.Writes, error) {
		var w storage.ModelWrites
		for _, r := range refs {
			n := v.NextNumber(r)
			w.Metas = append(w.Metas, newMeta(r.ID, n))
			w.Revisions = append(w.Revisions, written(newRevision(r.ID, n)))
		}
		return storage.Writes{Models: writesOf(model, w)}, nil
	}))
	wantAll(t, stores.Revisions, revs...)
	wantAll(t, stores.Revisions, written(newRevision("p1", 13)), written(newRevision("p2", 6)), written(newRevision("p3", 8)), written(newRevision("p4", 1)))
}

// written returns r with a payload and uid of its own.
func written(r resource.Revision) resource.Revision {
	r.Info.UID, r.Data = uuid.NewSHA1(r.Info.UID, []byte("written")), []byte(`{"written":true}`)
	return r
}

func blobsRemembered(t T, s *subject) {
	stores := s.use(t)
	for _, ids := range [][]string{{"bb", "aa"}, {"cc", "aa"}} {
		w := storage.Writes{Models: writesOf(model, storage.ModelWrites{Blobs: ids})}
		ok(t, "update", s.update(t, storage.Batch{}, w))
	}
	equal(t, "blobs", collect(t, "blobs", stores.Metas.Blobs(t.Context())), []string{"aa", "bb", "cc"})
}

func thereIsAWriter(t T, s *subject) {
	if n := s.Traits().Writers; n < 1 {
		t.Fatalf("the store declares %d writers", n)
	}
}

func numberAfterDelete(t T, s *subject) {
	stores := s.use(t)
	r := refsTo("p1")[0]
	for range 3 {
		ok(t, "update", s.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{r}}, increment(r)))
	}
	ok(t, "delete the meta", stores.Metas.Delete(t.Context(), []resource.ID{r.ID}))
	ok(t, "update", s.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{r}}, func(v storage.View) (storage.Writes, error) {
		n := v.NextNumber(r)
		return storage.Writes{Models: writesOf(r.Model, storage.ModelWrites{
			Metas: []resource.Meta{newMeta(r.ID, n)}, Revisions: []resource.Revision{written(newRevision(r.ID, n))},
		})}, nil
	}))
	wantRevisions(t, stores.Revisions, r.ID, "p1:1", "p1:2", "p1:3", "p1:4")
}
