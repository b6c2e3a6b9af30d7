package check

import (
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func modelChecks() []check {
	return []check{
		{"G19/models_are_listed_by_name", modelsAreListed},
		{"G19/model_is_replaced", modelIsReplaced},
		{"G19/unknown_model_is_not_found", unknownModel},
		{"G19/store_has_an_id", storeHasID},
		{"G19/models_are_apart", modelsAreApart},
		{"G19/model_forgets_what_it_no_longer_says", modelForgets},
		{"G19/model_is_made_with_its_first_resources", modelIsFounded},
		{"G19/model_is_not_made_when_its_resources_are_not_written", modelIsNotFounded},
		{"G20/model_comes_back_as_given", modelComesBack},
		{"G20/model_is_a_copy", modelIsACopy},
	}
}

func modelsAreListed(t T, s *subject) {
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

func modelIsReplaced(t T, s *subject) {
	s.use(t)
	s.put(t, "p1")
	info := storage.ModelInfo{Name: model, Encoding: resource.Msgpack, IndexedPaths: []string{"name"}}
	ok(t, "save model again", s.SaveModel(t.Context(), info))
	s.wantModels(t, info)
	stores, err := s.Build(t.Context(), model)
	ok(t, "build", err)
	wantIDs(t, stores.Metas, "p1")
}

func unknownModel(t T, s *subject) {
	_, err := s.Build(t.Context(), "nobody")
	wantErr(t, "build of an unknown model", err, storage.ErrNotFound)
	snap, err := s.Snapshot(t.Context())
	ok(t, "snapshot", err)
	_, _, err = snap.Build(t.Context(), "nobody")
	wantErr(t, "build of an unknown model in a snapshot", err, storage.ErrNotFound)
	ok(t, "close snapshot", snap.Close())
}

func storeHasID(t T, s *subject) {
	id := s.ID()
	if id == uuid.Nil {
		t.Fatalf("the store has no id")
	}
	s.use(t)
	equal(t, "id of the store", s.ID(), id)
}

func modelsAreApart(t T, s *subject) {
	people, orders := s.useModel(t, "person"), s.useModel(t, "order")
	meta, rev := newMeta("x:1", 1), newRevision("x:1", 1)
	ok(t, "save meta", people.Metas.SaveMany(t.Context(), []resource.Meta{meta}))
	ok(t, "save revision", people.Revisions.SaveMany(t.Context(), []resource.Revision{rev}))
	wantIDs(t, orders.Metas)
	wantRevisions(t, orders.Revisions, "x:1")
	ok(t, "delete in the other model", orders.Metas.Delete(t.Context(), []resource.ID{"x:1"}))
	wantIDs(t, people.Metas, "x:1")
}

// declared returns a model with every field set, to values that a store might
// change on the way: it must not read the declaration.
func declared() storage.ModelInfo {
	return storage.ModelInfo{
		Name: "user-account", Encoding: resource.Msgpack,
		IndexedPaths: []string{"a \"b\"", "e.mail", "name", "ünï"}, UniquePaths: []string{"e.mail", "ünï"},
		SchemaVersion: opt.Of("2.0 β"),
		Declaration:   []byte("{ \"name\" : \"user-account\", \"z\":1, \"a\":1.50 }\n\x00\xff"),
	}
}

func modelComesBack(t T, s *subject) {
	plain := storage.ModelInfo{Name: "plain", Encoding: resource.JSON}
	empty := storage.ModelInfo{Name: "empty-version", Encoding: resource.JSON, SchemaVersion: opt.Of("")}
	want := []storage.ModelInfo{empty, plain, declared()}
	for _, m := range want {
		ok(t, "save model "+m.Name, s.SaveModel(t.Context(), m))
	}
	s.wantModels(t, want...)
	if s.Traits().Durable {
		s.reopen(t)
		s.wantModels(t, want...)
	}
}

// wantModels fails t unless the store holds exactly these models.
func (s *subject) wantModels(t T, want ...storage.ModelInfo) {
	t.Helper()
	infos, err := s.Models(t.Context())
	ok(t, "models", err)
	equal(t, "models", infos, want)
}

func modelForgets(t T, s *subject) {
	ok(t, "save model", s.SaveModel(t.Context(), declared()))
	less := storage.ModelInfo{Name: declared().Name, Encoding: resource.JSON}
	ok(t, "save model again", s.SaveModel(t.Context(), less))
	s.wantModels(t, less)
}

func modelIsACopy(t T, s *subject) {
	scribble := func(m storage.ModelInfo) {
		m.IndexedPaths[0], m.UniquePaths[0], m.Declaration[0] = "x", "x", 'x'
	}
	given := declared()
	ok(t, "save model", s.SaveModel(t.Context(), given))
	scribble(given)
	for range 2 {
		infos, err := s.Models(t.Context())
		ok(t, "models", err)
		equal(t, "models", infos, []storage.ModelInfo{declared()})
		scribble(infos[0])
	}
}
