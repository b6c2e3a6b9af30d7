package storagetest

import (
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func modelChecks() []check {
	return []check{
		{"G19/models_are_listed_by_name", modelsAreListed},
		{"G19/model_is_replaced", modelIsReplaced},
		{"G19/unknown_model_is_not_found", unknownModel},
		{"G19/store_id_stays", storeIDStays},
		{"G19/models_are_apart", modelsAreApart},
	}
}

func modelsAreListed(t T, s subject) {
	infos, err := s.Models(t.Context())
	ok(t, "models of an empty store", err)
	equal(t, "number of models of an empty store", len(infos), 0)
	want := []storage.ModelInfo{
		{Name: "a-b", Encoding: resource.Msgpack},
		{Name: "order", Encoding: resource.JSON, IndexedPaths: []string{"address.city", "name"}},
		{Name: "person", Encoding: resource.JSON},
	}
	for _, i := range []int{2, 0, 1} {
		ok(t, "save model", s.SaveModel(t.Context(), want[i]))
	}
	infos, err = s.Models(t.Context())
	ok(t, "models", err)
	equal(t, "number of models", len(infos), len(want))
	for i := range want {
		equal(t, "name", infos[i].Name, want[i].Name)
		equal(t, "encoding", infos[i].Encoding, want[i].Encoding)
		equal(t, "number of indexed paths", len(infos[i].IndexedPaths), len(want[i].IndexedPaths))
	}
	equal(t, "indexed paths", infos[1].IndexedPaths, want[1].IndexedPaths)
}

func modelIsReplaced(t T, s subject) {
	s.use(t)
	s.put(t, "p1")
	info := storage.ModelInfo{Name: model, Encoding: resource.Msgpack, IndexedPaths: []string{"name"}}
	ok(t, "save model again", s.SaveModel(t.Context(), info))
	infos, err := s.Models(t.Context())
	ok(t, "models", err)
	equal(t, "models", infos, []storage.ModelInfo{info})
	stores, err := s.Build(t.Context(), model)
	ok(t, "build", err)
	wantIDs(t, stores.Metas, "p1")
}

func unknownModel(t T, s subject) {
	_, err := s.Build(t.Context(), "nobody")
	wantErr(t, "build of an unknown model", err, storage.ErrNotFound)
	snap, err := s.Snapshot(t.Context())
	ok(t, "snapshot", err)
	_, _, err = snap.Build(t.Context(), "nobody")
	wantErr(t, "build of an unknown model in a snapshot", err, storage.ErrNotFound)
	ok(t, "close snapshot", snap.Close())
}

func storeIDStays(t T, s subject) {
	id := s.ID()
	if id == uuid.Nil {
		t.Fatalf("the store has no id")
	}
	s.use(t)
	equal(t, "id of the store", s.ID(), id)
	if s.reopen != nil {
		equal(t, "id of the store opened again", s.reopen().ID(), id)
	}
}

func modelsAreApart(t T, s subject) {
	people, orders := s.useModel(t, "person"), s.useModel(t, "order")
	meta, rev := newMeta("x:1", 1), newRevision("x:1", 1)
	ok(t, "save meta", people.Metas.SaveMany(t.Context(), []resource.Meta{meta}))
	ok(t, "save revision", people.Revisions.SaveMany(t.Context(), []resource.Revision{rev}))
	wantIDs(t, orders.Metas)
	wantRevisions(t, orders.Revisions, "x:1")
	ok(t, "delete in the other model", orders.Metas.Delete(t.Context(), []resource.ID{"x:1"}))
	wantIDs(t, people.Metas, "x:1")
}
