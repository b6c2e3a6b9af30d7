package check

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// How many histories are generated, and how many steps each has.
const (
	histories = 12
	steps     = 40
)

func historyChecks() []check {
	return []check{{"G3/generated_histories_equal_the_oracle", generatedHistories}}
}

// step is one write of a generated history.
type step struct {
	op  string
	ids []resource.ID
	n   int
}

var stepOps = []string{"unit", "unit", "refused unit", "unit that purges", "save metas", "delete", "save revisions", "purge", "load", "load"}

func genHistory(src Source, n int) []step {
	history := make([]step, n)
	for i := range history {
		var ids []resource.ID
		for range 1 + src.IntN(3) {
			if id := pick(src, []resource.ID{"a", "a:1", "B", "é", "x.y", "z"}); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		history[i] = step{op: pick(src, stepOps), ids: ids, n: 1 + src.IntN(12)}
	}
	return history
}

// oracle is what a store must hold.
type oracle struct {
	metas map[resource.ID]resource.Meta
	revs  map[resource.RevisionKey]resource.Revision
}

func (o oracle) clone() oracle { return oracle{maps.Clone(o.metas), maps.Clone(o.revs)} }

func (o oracle) put(w storage.ModelWrites) {
	for _, id := range w.Purge {
		o.purge(id)
		delete(o.metas, id)
	}
	for _, m := range w.Metas {
		o.metas[m.ResourceID] = m
	}
	for _, r := range w.Revisions {
		o.revs[r.Info.Key()] = r
	}
}

func (o oracle) purge(id resource.ID) {
	maps.DeleteFunc(o.revs, func(k resource.RevisionKey, _ resource.Revision) bool { return k.Resource == id })
}

// next returns the number of a resource's next revision.
func (o oracle) next(id resource.ID) int {
	last := o.metas[id].TotalRevisionCount
	for key := range o.revs {
		if n, ok := key.Revision.Number(); ok && key.Resource == id {
			last = max(last, n)
		}
	}
	return last + 1
}

// generatedHistories plays histories that are the same in every run.
func generatedHistories(t T, s *subject) {
	for seed := range uint64(histories) {
		s.playHistory(t, fmt.Sprintf("history%d", seed), genHistory(rand.New(rand.NewPCG(seed, 0)), steps))
	}
}

// DrawnHistory returns a check of one short history of writes that src draws, in
// a model of its own: it may run on a store again and again. It is for a source
// that goes on drawing, such as one that looks for the smallest history that
// fails; [All] has histories too, the same in every run.
func DrawnHistory(src Source) Check {
	history := genHistory(src, 1+src.IntN(steps/2))
	return Check{
		Name: "G3/drawn_history_equals_the_oracle",
		run:  func(t T, s *subject) { s.playHistory(t, "m-"+uuid.NewString(), history) },
	}
}

// playHistory applies writes to a new model and compares all there is at half
// time and at the end, and what a snapshot of half time shows with what was there
// then.
func (s *subject) playHistory(t T, name string, history []step) {
	t.Helper()
	stores := s.useModel(t, name)
	o := oracle{map[resource.ID]resource.Meta{}, map[resource.RevisionKey]resource.Revision{}}
	half := len(history) / 2
	for _, st := range history[:half] {
		s.play(t, name, stores, o, st)
	}
	o.compare(t, stores.Metas, stores.Revisions)
	snap, err := s.Snapshot(t.Context())
	ok(t, "snapshot", err)
	m, r, err := snap.Build(t.Context(), name)
	ok(t, "build in a snapshot", err)
	past := o.clone()
	for _, st := range history[half:] {
		s.play(t, name, stores, o, st)
	}
	o.compare(t, stores.Metas, stores.Revisions)
	if s.Traits().LiveRevisions {
		past.compareMetas(t, m)
	} else {
		past.compare(t, m, r)
	}
	ok(t, "close snapshot", snap.Close())
}

// play applies a step to the store and to the oracle.
func (s *subject) play(t T, model string, stores storage.Stores, o oracle, st step) {
	t.Helper()
	w := st.writes(o)
	switch st.op {
	case "unit", "refused unit", "unit that purges":
		s.playUnit(t, model, o, st, w)
	case "save metas":
		ok(t, st.op, stores.Metas.SaveMany(t.Context(), w.Metas))
		o.put(storage.ModelWrites{Metas: w.Metas})
	case "delete":
		ok(t, st.op, stores.Metas.Delete(t.Context(), st.ids))
		for _, id := range st.ids {
			delete(o.metas, id)
		}
	case "save revisions":
		ok(t, st.op, stores.Revisions.SaveMany(t.Context(), w.Revisions))
		o.put(storage.ModelWrites{Revisions: w.Revisions})
	case "purge":
		ok(t, st.op, stores.Revisions.Purge(t.Context(), st.ids))
		for _, id := range st.ids {
			o.purge(id)
		}
	case "load":
		s.playLoad(t, model, o, st, w)
	}
}

// writes returns what a step writes: the next revision in a unit of work, else
// the one that was drawn, under a uid of its own. A unit that purges does so with
// all its resources and writes the first one anew.
func (st step) writes(o oracle) storage.ModelWrites {
	var w storage.ModelWrites
	ids := st.ids
	if st.op == "unit that purges" {
		w.Purge, ids = ids, ids[:1]
	}
	for _, id := range ids {
		n := st.n
		if st.op == "unit" || st.op == "refused unit" {
			n = o.next(id)
		}
		addRevision(&w, id, n)
	}
	return w
}

// numbered returns the next revisions of a unit under the numbers that the store gave.
func (st step) numbered(numbers map[resource.ID]int) storage.ModelWrites {
	var w storage.ModelWrites
	for _, id := range st.ids {
		addRevision(&w, id, numbers[id])
	}
	return w
}

// addRevision adds a revision under a uid of its own, with its meta.
func addRevision(w *storage.ModelWrites, id resource.ID, n int) {
	r := newRevision(id, n)
	r.Info.UID = uuid.New()
	r.Data = fmt.Appendf(r.Data, " %s", r.Info.UID)
	w.Metas = append(w.Metas, newMeta(id, n))
	w.Revisions = append(w.Revisions, r)
}

func (s *subject) playUnit(t T, model string, o oracle, st step, w storage.ModelWrites) {
	t.Helper()
	refused := errors.New("refused")
	var b storage.Batch
	for _, id := range st.ids {
		b.Refs = append(b.Refs, storage.Ref{Model: model, ID: id})
	}
	err := s.Unit().Update(t.Context(), b, func(v storage.View) (storage.Writes, error) {
		numbers := map[resource.ID]int{}
		for _, r := range b.Refs {
			numbers[r.ID] = v.NextNumber(r)
			if n := numbers[r.ID]; n <= o.metas[r.ID].TotalRevisionCount || n > o.next(r.ID) {
				t.Fatalf("next number of %s is %d: the meta counts %d, and %d is above everything", r.ID, n, o.metas[r.ID].TotalRevisionCount, o.next(r.ID))
			}
		}
		switch st.op {
		case "refused unit":
			return storage.Writes{Models: writesOf(model, w)}, refused
		case "unit":
			w = st.numbered(numbers)
		}
		return storage.Writes{Models: writesOf(model, w)}, nil
	})
	if st.op == "refused unit" {
		wantErr(t, st.op, err, refused)
		return
	}
	ok(t, st.op, err)
	for _, r := range w.Revisions {
		if _, taken := o.revs[r.Info.Key()]; taken && st.op == "unit" {
			t.Fatalf("revision %s was there before the unit that was given its number", r.Info.RevisionID)
		}
	}
	o.put(w)
}

func (s *subject) playLoad(t T, model string, o oracle, st step, w storage.ModelWrites) {
	t.Helper()
	j := newJob("load")
	c := s.claim(t, j)
	exists := false
	for i := range w.Metas {
		part := storage.ModelWrites{Metas: w.Metas[i : i+1], Revisions: w.Revisions[i : i+1]}
		ok(t, "stage", s.Unit().Stage(t.Context(), storage.Staged{
			Chunk: storage.ChunkRef{Claim: c, No: i}, Models: writesOf(model, part),
		}))
		_, there := o.metas[st.ids[i]]
		exists = exists || there
	}
	err := s.publish(t, c)
	if !exists {
		ok(t, "publish", err)
		o.put(w)
		return
	}
	if _, is := errors.AsType[*storage.DuplicateError](err); !is {
		t.Fatalf("publish over an existing resource gave the error %v", err)
	}
	ok(t, "unstage", s.Unit().Unstage(t.Context(), c))
}

// compare fails t unless the readers show what the oracle holds.
func (o oracle) compareMetas(t T, m storage.MetaReader) {
	t.Helper()
	ids := slices.Sorted(maps.Keys(o.metas))
	got := collect(t, "all metas", m.All(t.Context()))
	if !slices.Equal(idsOf(got), ids) {
		t.Fatalf("the metas are %q, want %q", idsOf(got), ids)
	}
	for i, id := range ids {
		sameMeta(t, "the meta of "+string(id), got[i], o.metas[id])
	}
}

func (o oracle) compare(t T, m storage.MetaReader, r storage.RevisionReader) {
	t.Helper()
	o.compareMetas(t, m)
	owners := map[resource.ID]bool{}
	for key := range o.revs {
		owners[key.Resource] = true
	}
	revs := collect(t, "dump", r.DumpAll(t.Context(), maps.Keys(owners)))
	equal(t, "number of revisions", len(revs), len(o.revs))
	for _, rev := range revs {
		sameRevision(t, "revision "+string(rev.Info.RevisionID), rev, o.revs[rev.Info.Key()])
	}
}
