package check

import (
	"errors"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// modelIsFounded makes models together with their resources where the store does so, and
// else finds that nothing was done.
func modelIsFounded(t T, s *subject) {
	orders := s.useModel(t, "order")
	want := storage.ModelInfo{Name: model, Encoding: resource.JSON, IndexedPaths: []string{"name"}, SchemaVersion: opt.Of("2")}
	empty := storage.ModelInfo{Name: "empty", Encoding: resource.JSON}
	c := s.claim(t, newJob("load"))
	w := resources("p2", "p1")
	w.Revisions = append(w.Revisions, newRevision("p1", 2), withSchema(newRevision("p1", 2), "2"))
	w.Blobs = []string{"b1"}
	found := func() error {
		b := storage.Batch{New: true, Refs: append(refsTo("p1", "p2"), storage.Ref{Model: "order", ID: "o1"}), Chunk: &storage.ChunkRef{Claim: c}}
		return storage.Found(t.Context(), s.Factory, []storage.ModelInfo{want, empty}, b, func(storage.View) (storage.Writes, error) {
			return storage.Writes{Models: map[string]storage.ModelWrites{model: w, "order": resources("o1")}, Chunk: []byte(`{}`)}, nil
		})
	}
	err := found()
	if errors.Is(err, storage.ErrNotFounded) {
		wantIDs(t, orders.Metas)
		s.wantNoModel(t, model)
		return
	}
	ok(t, "make a model with its resources", err)
	s.wantModels(t, empty, storage.ModelInfo{Name: "order", Encoding: resource.JSON}, want)
	stores, err := s.Build(t.Context(), model)
	ok(t, "build", err)
	wantIDs(t, stores.Metas, "p1", "p2")
	wantRevisions(t, stores.Revisions, "p1", "p1:1", "p1:2", "p1:2")
	for _, r := range w.Revisions {
		got, err := stores.Revisions.Get(t.Context(), r.Info.Key())
		ok(t, "get", err)
		sameRevision(t, "the revision", got, r)
	}
	wantIDs(t, orders.Metas, "o1")
	equal(t, "blobs", collect(t, "blobs", stores.Metas.Blobs(t.Context())), []string{"b1"})
	ok(t, "the same chunk again", found())
	s.put(t, "p3")
	wantIDs(t, stores.Metas, "p1", "p2", "p3")
}

// modelIsNotFounded meets a model that is there, a rule that refuses, a claim that was
// lost and a resource that exists: nothing is made of what was to be made with it.
func modelIsNotFounded(t T, s *subject) {
	stores := s.useModel(t, "order")
	fresh := storage.ModelInfo{Name: model, Encoding: resource.JSON}
	known := storage.ModelInfo{Name: "order", Encoding: resource.JSON}
	refused := errors.New("refused by the rules")
	write := func(models []storage.ModelInfo, b storage.Batch, w map[string]storage.ModelWrites, refusal error) error {
		b.New = true
		return storage.Found(t.Context(), s.Factory, models, b, func(storage.View) (storage.Writes, error) {
			return storage.Writes{Models: w, Chunk: []byte(`{}`)}, refusal
		})
	}
	both := storage.Batch{Refs: append(refsTo("p1"), storage.Ref{Model: "order", ID: "o1"})}
	err := write([]storage.ModelInfo{fresh, known}, both, map[string]storage.ModelWrites{model: resources("p1"), "order": resources("o1")}, nil)
	wantErr(t, "make a model that is there", err, storage.ErrNotFounded)
	wantIDs(t, stores.Metas)

	if err := write([]storage.ModelInfo{fresh}, storage.Batch{Refs: refsTo("p1")}, nil, refused); err != refused && !errors.Is(err, storage.ErrNotFounded) {
		t.Fatalf("compute's error came back as %v", err)
	}
	lost := storage.Batch{Refs: refsTo("p1"), Chunk: &storage.ChunkRef{Claim: storage.Claim{Job: uuid.New(), Token: uuid.New()}}}
	err = write([]storage.ModelInfo{fresh}, lost, writesOf(model, resources("p1")), nil)
	if !errors.Is(err, storage.ErrFenced) && !errors.Is(err, storage.ErrNotFounded) {
		t.Fatalf("a model was made under a claim that is lost: %v", err)
	}
	ok(t, "save meta", stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta("o1", 1)}))
	err = write([]storage.ModelInfo{fresh}, both, map[string]storage.ModelWrites{model: resources("p1"), "order": resources("o1")}, nil)
	wantErr(t, "make a model beside a resource that is there", err, storage.ErrNotFounded)
	s.wantNoModel(t, model)
}

// wantNoModel checks that a model is not there.
func (s *subject) wantNoModel(t T, name string) {
	t.Helper()
	_, err := s.Build(t.Context(), name)
	wantErr(t, "build of a model that was not made", err, storage.ErrNotFound)
}
