package check

import (
	"strings"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// What is unset is not what is empty: a store that keeps both as "" answers
// queries for rows that have no value, and never backfills them.
func unsetChecks() []check {
	return []check{
		{"G20/unset_of_a_meta_is_not_empty", unsetMeta},
		{"G20/unset_of_a_revision_is_not_empty", unsetRevision},
		{"G20/unset_stays_unset_through_a_load", unsetLoad},
		{"G16/unset_and_empty_are_told_apart", unsetQueried},
	}
}

// unsetAndEmpty returns two metas that differ in nothing else.
func unsetAndEmpty() (unset, empty resource.Meta) {
	unset, empty = newMeta("unset", 1), newMeta("empty", 1)
	unset.Rev.CreatedBy, unset.Rev.UpdatedBy = opt.Value[string]{}, opt.Value[string]{}
	empty.Rev.CreatedBy, empty.Rev.UpdatedBy = opt.Of(""), opt.Of("")
	empty.SchemaVersion = opt.Of("")
	return unset, empty
}

func unsetMeta(t T, s *subject) {
	metas := s.use(t).Metas
	unset, empty := unsetAndEmpty()
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{unset, empty}))
	for _, want := range []resource.Meta{unset, empty} {
		got, err := metas.Get(t.Context(), want.ResourceID)
		ok(t, "get", err)
		equal(t, "schema version", got.SchemaVersion, want.SchemaVersion)
		equal(t, "creator of the revision", got.Rev.CreatedBy, want.Rev.CreatedBy)
		sameMeta(t, "the meta", got, want)
	}
	equal(t, "the one that is unfilled", unfilled(t, metas, 1)[0].Meta.ResourceID, "unset")
}

func unsetRevision(t T, s *subject) {
	revs := s.use(t).Revisions
	unset, empty := newRevision("p1", 1), newRevision("p1", 1)
	unset.Info.DataHash = opt.Value[string]{}
	empty.Info.UID = uuid.New()
	empty.Info.SchemaVersion, empty.Info.DataHash = opt.Of(""), opt.Of("")
	empty.Info.ParentSchemaVersion = opt.Of(new(string))
	ok(t, "save", revs.SaveMany(t.Context(), []resource.Revision{unset, empty}))
	wantAll(t, revs, unset, empty)
	infos := collect(t, "list", revs.List(t.Context(), "p1"))
	equal(t, "number of revisions", len(infos), 2)
	equal(t, "schema version of the first", infos[0].SchemaVersion, opt.Value[string]{})
	equal(t, "schema version of the second", infos[1].SchemaVersion, opt.Of(""))
}

func unsetLoad(t T, s *subject) {
	stores := s.use(t)
	unset, empty := unsetAndEmpty()
	c := s.claim(t, newJob("load"))
	ok(t, "stage", s.Unit().Stage(t.Context(), storage.Staged{
		Chunk: storage.ChunkRef{Claim: c}, Outcome: []byte(`{}`),
		Models: writesOf(model, storage.ModelWrites{Metas: []resource.Meta{unset, empty}}),
	}))
	ok(t, "publish", s.publish(t, c))
	for _, want := range []resource.Meta{unset, empty} {
		got, err := stores.Metas.Get(t.Context(), want.ResourceID)
		ok(t, "get", err)
		sameMeta(t, "the meta", got, want)
	}
}

func unsetQueried(t T, s *subject) {
	metas := s.use(t).Metas
	unset, empty := unsetAndEmpty()
	ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{unset, empty}))
	for _, q := range []struct {
		what string
		cond qb.Cond
		want resource.ID
	}{
		{"an empty creator", qb.RevCreatedBy().Eq(""), "empty"},
		{"no creator", qb.RevCreatedBy().IsNull(true), "unset"},
		{"an empty schema version", qb.SchemaVersion().Eq(""), "empty"},
		{"no schema version", qb.SchemaVersion().IsNull(true), "unset"},
	} {
		got := idsOf(collect(t, "search", metas.Search(t.Context(), qb.Where(q.cond))))
		equal(t, "what has "+q.what, got, []resource.ID{q.want})
	}
}

// unsetContentType is among the checks of blobs.
func unsetContentType(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		info, err := b.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{})
		ok(t, "put", err)
		stat, err := b.Stat(t.Context(), info.FileID)
		ok(t, "stat", err)
		listed := collect(t, "list", b.List(t.Context()))
		equal(t, "number of blobs", len(listed), 1)
		for what, got := range map[string]storage.BlobInfo{"put": info, "read": stat, "listed": listed[0]} {
			equal(t, "content type "+what, got.ContentType, opt.Value[string]{})
		}
	})
}
