package check

import (
	"bytes"
	"errors"
	"iter"
	"reflect"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// ok fails t on an error of what was being done.
func ok(t T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// wantErr fails t unless err wraps target.
func wantErr(t T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s gave the error %v, want %v", what, err, target)
	}
}

// equal fails t unless got is want.
func equal[V any](t T, what string, got, want V) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
}

// collect reads a sequence to its end.
func collect[V any](t T, what string, seq iter.Seq2[V, error]) []V {
	t.Helper()
	var all []V
	for v, err := range seq {
		ok(t, what, err)
		all = append(all, v)
	}
	return all
}

// use makes the usual model and returns its stores.
func (s *subject) use(t T) storage.Stores {
	t.Helper()
	return s.useModel(t, model)
}

func (s *subject) useModel(t T, name string) storage.Stores {
	t.Helper()
	ok(t, "make model "+name, s.SaveModel(t.Context(), storage.ModelInfo{Name: name, Encoding: resource.JSON}))
	stores, err := s.Build(t.Context(), name)
	ok(t, "build "+name, err)
	return stores
}

// update runs a unit of work that writes w whatever it sees.
func (s *subject) update(t T, b storage.Batch, w storage.Writes) error {
	t.Helper()
	return s.Unit().Update(t.Context(), b, func(storage.View) (storage.Writes, error) { return w, nil })
}

// put writes complete resources.
func (s *subject) put(t T, ids ...resource.ID) {
	t.Helper()
	err := s.update(t, storage.Batch{Refs: refsTo(ids...)}, storage.Writes{Models: writesOf(model, resources(ids...))})
	ok(t, "write resources", err)
}

// sameMeta fails t unless both metas say the same. Their encodings decide, in
// which an aware time is an instant.
func sameMeta(t T, what string, got, want resource.Meta) {
	t.Helper()
	if !bytes.Equal(got.Append(resource.Msgpack, nil), want.Append(resource.Msgpack, nil)) {
		t.Fatalf("%s is\n%+v, want\n%+v", what, got, want)
	}
}

// sameInfo is sameMeta for infos.
func sameInfo(t T, what string, got, want resource.RevisionInfo) {
	t.Helper()
	if !bytes.Equal(got.Append(resource.Msgpack, nil), want.Append(resource.Msgpack, nil)) {
		t.Fatalf("%s is\n%+v, want\n%+v", what, got, want)
	}
}

// sameRevision fails t unless infos and payloads are the same.
func sameRevision(t T, what string, got, want resource.Revision) {
	t.Helper()
	sameInfo(t, what, got.Info, want.Info)
	if !bytes.Equal(got.Data, want.Data) {
		t.Fatalf("the payload of %s is %q, want %q", what, got.Data, want.Data)
	}
}

// idsOf returns the ids of metas as they come.
func idsOf(metas []resource.Meta) []resource.ID {
	ids := make([]resource.ID, len(metas))
	for i, m := range metas {
		ids[i] = m.ResourceID
	}
	return ids
}

// wantIDs fails t unless the model holds metas of exactly these ids.
func wantIDs(t T, r storage.MetaReader, want ...resource.ID) {
	t.Helper()
	got := idsOf(collect(t, "all metas", r.All(t.Context())))
	if !slices.Equal(got, want) {
		t.Fatalf("the metas are %q, want %q", got, want)
	}
}

// wantRevisions fails t unless the resource has exactly these revisions.
func wantRevisions(t T, r storage.RevisionReader, id resource.ID, want ...resource.RevisionID) {
	t.Helper()
	var got []resource.RevisionID
	for _, info := range collect(t, "revisions", r.List(t.Context(), id)) {
		got = append(got, info.RevisionID)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the revisions of %s are %q, want %q", id, got, want)
	}
}

// wantJob returns a job that must be in a state.
func (s *subject) wantJob(t T, j storage.Job, want storage.JobState) storage.Job {
	t.Helper()
	got, err := s.Ledger().Get(t.Context(), j.ID)
	ok(t, "get job", err)
	if got.State != want {
		t.Fatalf("the job is %s, want %s", got.State, want)
	}
	return got
}
