package check

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func revisionChecks() []check {
	return []check{
		{"G2/saved_revisions_are_read", savedRevisionsAreRead},
		{"G5/revisions_come_by_number", revisionsComeByNumber},
		{"G5/dump_follows_the_ids", dumpFollowsIDs},
		{"G8/absent_revision_is_not_found", absentRevision},
		{"G10/schema_versions_are_apart", schemaVersionsApart},
		{"G10/many_revisions_are_those_of_their_keys", manyRevisions},
		{"G10/key_points_at_the_last_uid", keyIsRepointed},
		{"G10/purge_removes_all_of_a_resource", purgeRemoves},
		{"G20/parent_schema_version_has_three_states", parentSchemaVersion},
	}
}

func savedRevisionsAreRead(t T, s *subject) {
	revs := s.use(t).Revisions
	want := []resource.Revision{newRevision("p2", 1), newRevision("p1", 1), newRevision("p1", 2)}
	ok(t, "save", revs.SaveMany(t.Context(), want))
	for _, r := range want {
		got, err := revs.Get(t.Context(), r.Info.Key())
		ok(t, "get", err)
		sameRevision(t, "the revision", got, r)
		info, err := revs.Info(t.Context(), r.Info.Key())
		ok(t, "info", err)
		sameInfo(t, "the info", info, r.Info)
	}
	wantRevisions(t, revs, "p1", "p1:1", "p1:2")
	ok(t, "save nothing", revs.SaveMany(t.Context(), nil))
}

func manyRevisions(t T, s *subject) {
	revs := s.use(t).Revisions
	saved := []resource.Revision{
		newRevision("p2", 1), newRevision("p1", 1), newRevision("p1", 2), withSchema(newRevision("p1", 2), "2"), newRevision(`q"'\1`, 10),
	}
	ok(t, "save", revs.SaveMany(t.Context(), saved))
	keys := []resource.RevisionKey{newInfo("p3", 1).Key(), newInfo("p1", 3).Key(), withSchema(newRevision("p2", 1), "2").Info.Key()}
	none, err := revs.GetMany(t.Context(), keys)
	ok(t, "get what is not there", err)
	equal(t, "number of revisions that are not there", len(none), 0)
	for _, r := range saved {
		keys = append(keys, r.Info.Key(), r.Info.Key())
	}
	got, err := revs.GetMany(t.Context(), keys)
	ok(t, "get many", err)
	equal(t, "number of revisions", len(got), len(saved))
	for _, r := range saved {
		sameRevision(t, "one of many revisions", got[r.Info.Key()], r)
	}
	none, err = revs.GetMany(t.Context(), nil)
	ok(t, "get none", err)
	equal(t, "number of revisions of no keys", len(none), 0)
}

func revisionsComeByNumber(t T, s *subject) {
	revs := s.use(t).Revisions
	one := newRevision("a:1", 1)
	all := []resource.Revision{
		newRevision("a:1", 10), withSchema(one, "2"), newRevision("a:1", 2), newRevision("a:1", 100),
		withSchema(one, "10"), one, newRevision("a:1", 9), newRevision("a:10", 1),
	}
	ok(t, "save", revs.SaveMany(t.Context(), all))
	type item struct {
		Revision resource.RevisionID
		Schema   string
	}
	var got []item
	for _, info := range collect(t, "list", revs.List(t.Context(), "a:1")) {
		got = append(got, item{info.RevisionID, info.SchemaVersion.Or("none")})
	}
	equal(t, "the list", got, []item{
		{"a:1:1", "none"},
		{"a:1:1", "10"},
		{"a:1:1", "2"},
		{"a:1:2", "none"},
		{"a:1:9", "none"},
		{"a:1:10", "none"},
		{"a:1:100", "none"},
	})
}

func dumpFollowsIDs(t T, s *subject) {
	revs := s.use(t).Revisions
	var all []resource.Revision
	for i := range 30 {
		id := resource.ID(fmt.Sprintf("p%02d", i))
		all = append(all, newRevision(id, 10), newRevision(id, 2), withSchema(newRevision(id, 2), "1"))
	}
	ok(t, "save", revs.SaveMany(t.Context(), all))
	ids := []resource.ID{"p29", "p03", "nobody", "p11", "p00"}
	got := collect(t, "dump", revs.DumpAll(t.Context(), slices.Values(ids)))
	equal(t, "number of revisions", len(got), 12)
	for i, id := range []resource.ID{"p29", "p03", "p11", "p00"} {
		sameRevision(t, "the first revision", got[3*i], newRevision(id, 2))
		sameRevision(t, "the second revision", got[3*i+1], withSchema(newRevision(id, 2), "1"))
		sameRevision(t, "the third revision", got[3*i+2], newRevision(id, 10))
	}
	got = collect(t, "dump of nothing", revs.DumpAll(t.Context(), slices.Values([]resource.ID(nil))))
	equal(t, "number of revisions of no ids", len(got), 0)
}

func absentRevision(t T, s *subject) {
	revs := s.use(t).Revisions
	ok(t, "save", revs.SaveMany(t.Context(), []resource.Revision{newRevision("p1", 1)}))
	for _, key := range []resource.RevisionKey{
		{Resource: "p1", Revision: "p1:2"},
		{Resource: "p2", Revision: "p2:1"},
		{Resource: "p1", Revision: "p1:1", SchemaVersion: opt.Of("1")},
		{Resource: "p1", Revision: "p1:1", SchemaVersion: opt.Of("")},
	} {
		_, err := revs.Get(t.Context(), key)
		wantErr(t, fmt.Sprintf("get of %+v", key), err, storage.ErrNotFound)
		_, err = revs.Info(t.Context(), key)
		wantErr(t, fmt.Sprintf("info of %+v", key), err, storage.ErrNotFound)
	}
	wantRevisions(t, revs, "p2")
}

func schemaVersionsApart(t T, s *subject) {
	revs := s.use(t).Revisions
	plain := newRevision("p1", 1)
	empty, two := withSchema(plain, ""), withSchema(plain, "2")
	empty.Data, two.Data = []byte(`{"empty":1}`), []byte(`{"two":2}`)
	ok(t, "save", revs.SaveMany(t.Context(), []resource.Revision{two, plain, empty}))
	for _, want := range []resource.Revision{plain, empty, two} {
		got, err := revs.Get(t.Context(), want.Info.Key())
		ok(t, "get", err)
		sameRevision(t, "the revision", got, want)
	}
	wantRevisions(t, revs, "p1", "p1:1", "p1:1", "p1:1")
}

func keyIsRepointed(t T, s *subject) {
	revs := s.use(t).Revisions
	old := newRevision("p1", 1)
	ok(t, "save", revs.SaveMany(t.Context(), []resource.Revision{old, newRevision("p1", 2)}))
	changed := old
	changed.Info.UID = uuid.New()
	changed.Info.Status = resource.Draft
	changed.Data = []byte(`{"changed":true}`)
	for range 2 { // equal uid means equal bytes: a repeat rewrites itself
		ok(t, "save again", revs.SaveMany(t.Context(), []resource.Revision{changed}))
		got, err := revs.Get(t.Context(), old.Info.Key())
		ok(t, "get", err)
		sameRevision(t, "the revision", got, changed)
		wantRevisions(t, revs, "p1", "p1:1", "p1:2")
	}
	last := changed
	last.Info.UID = uuid.New()
	ok(t, "save one key twice", revs.SaveMany(t.Context(), []resource.Revision{old, last}))
	got, err := revs.Get(t.Context(), old.Info.Key())
	ok(t, "get", err)
	sameRevision(t, "the last of one key", got, last)
}

func purgeRemoves(t T, s *subject) {
	revs := s.use(t).Revisions
	one := newRevision("p1", 1)
	all := []resource.Revision{one, withSchema(one, "1"), newRevision("p1", 2), newRevision("p1:2", 1)}
	ok(t, "save", revs.SaveMany(t.Context(), all))
	ok(t, "purge", revs.Purge(t.Context(), []resource.ID{"p1", "nobody"}))
	wantRevisions(t, revs, "p1")
	wantRevisions(t, revs, "p1:2", "p1:2:1")
	_, err := revs.Get(t.Context(), one.Info.Key())
	wantErr(t, "get of a purged revision", err, storage.ErrNotFound)
	ok(t, "save again", revs.SaveMany(t.Context(), []resource.Revision{one}))
	wantRevisions(t, revs, "p1", "p1:1")
}

func parentSchemaVersion(t T, s *subject) {
	revs := s.use(t).Revisions
	version := "1"
	states := []opt.Value[*string]{{}, opt.Of[*string](nil), opt.Of(&version)}
	for i, state := range states {
		r := newRevision("p1", i+1)
		r.Info.ParentSchemaVersion = state
		ok(t, "save", revs.SaveMany(t.Context(), []resource.Revision{r}))
		got, err := revs.Get(t.Context(), r.Info.Key())
		ok(t, "get", err)
		sameRevision(t, "the revision", got, r)
	}
}
