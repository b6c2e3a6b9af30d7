package manager_test

import (
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestVerifyFindsWhatIsWrongWithAStore(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*resource.Meta, *resource.Revision)
		want   manager.Code
		note   bool
	}{
		{"nothing", func(*resource.Meta, *resource.Revision) {}, "", false},
		{"unset rev_*", func(m *resource.Meta, _ *resource.Revision) { m.Rev = resource.RevMeta{} }, "", false},
		{"no hash", func(_ *resource.Meta, r *resource.Revision) { r.Info.DataHash = opt.Value[string]{} }, "", false},
		{"payload", func(_ *resource.Meta, r *resource.Revision) { r.Data = []byte(`{"n":2}`) }, manager.CodeHashWrong, false},
		{"current", func(m *resource.Meta, _ *resource.Revision) { m.CurrentRevisionID = "doc:a:2" }, manager.CodeRevMissing, false},
		{"rev_*", func(m *resource.Meta, _ *resource.Revision) { m.Rev.Status = opt.Of(resource.Draft) }, manager.CodeRevMeta, false},
		{"blob", func(_ *resource.Meta, r *resource.Revision) {
			r.Data = []byte(`{"file_id":"00","size":1}`)
			r.Info.DataHash = opt.Of(resource.DataHash(r.Data))
		}, manager.CodeBlobMissing, false},
		{"migrated payload", func(_ *resource.Meta, r *resource.Revision) {
			r.Data = []byte(`{"n":2}`)
			r.Info.ParentSchemaVersion = opt.Of[*string](nil)
		}, manager.CodeHashStale, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, open opener) {
				s := open(t)
				declare(t, s, storage.ModelInfo{Name: "doc"})
				stores, err := s.factory.Build(t.Context(), "doc")
				if err != nil {
					t.Fatal(err)
				}
				meta, rev := simple("doc:a", `{"n":1}`)
				tc.change(&meta, &rev)
				if err := stores.Revisions.SaveMany(t.Context(), []resource.Revision{rev}); err != nil {
					t.Fatal(err)
				}
				if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{meta}); err != nil {
					t.Fatal(err)
				}
				f, err := s.Verify(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				found := f.Problems
				if tc.note {
					found = f.Notes
				}
				if f.OK != (tc.want == "" || tc.note) {
					t.Fatalf("%+v", f)
				}
				if tc.want != "" && (len(found) != 1 || found[0].Code != tc.want || found[0].ResourceID != "doc:a") {
					t.Fatalf("%+v, want %s", f, tc.want)
				}
			})
		})
	}
}
