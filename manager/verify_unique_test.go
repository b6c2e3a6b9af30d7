package manager_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Loads do not check unique values, and a path may become unique later.
func TestVerifyFindsValuesThatAreNotUnique(t *testing.T) {
	rows := []struct {
		id      resource.ID
		values  map[string]any
		deleted bool
	}{
		{"doc:a", map[string]any{"mail": "x", "no": int64(1)}, false},
		{"doc:b", map[string]any{"mail": "x", "no": int64(2)}, false}, // mail is that of a
		{"doc:c", map[string]any{"mail": "x"}, true},                  // deleted holds nothing
		{"doc:d", map[string]any{"mail": nil, "no": 1.0}, false},      // no equals that of a
		{"doc:e", map[string]any{"mail": nil, "no": "1"}, false},
		{"doc:f", map[string]any{"mail": int64(1)}, false}, // equal to another path's value
		{"doc:g", map[string]any{"mail": math.NaN()}, false},
		{"doc:h", map[string]any{"mail": math.NaN()}, false}, // equals nothing
	}
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		recs := manager.Records{Model: "doc"}
		for _, r := range rows {
			x, err := resource.NewIndexed(r.values)
			if err != nil {
				t.Fatal(err)
			}
			meta, rev := simple(r.id, `{"n":1}`)
			meta.IndexedData, meta.IsDeleted = opt.Of(x), r.deleted
			recs.Metas, recs.Revisions = append(recs.Metas, meta), append(recs.Revisions, rev)
		}
		if _, err := s.LoadRecordsBulk(t.Context(), recs, manager.RaiseError); err != nil {
			t.Fatal(err)
		}
		if f, err := s.Verify(t.Context()); err != nil || !f.OK {
			t.Fatalf("before a path is unique: %+v, %v", f, err)
		}
		info := storage.ModelInfo{Name: "doc", IndexedPaths: []string{"mail", "no"}, UniquePaths: []string{"mail", "no"}}
		if err := s.factory.SaveModel(t.Context(), info); err != nil {
			t.Fatal(err)
		}
		f, err := s.Verify(t.Context())
		if err != nil || f.OK {
			t.Fatalf("%+v, %v", f, err)
		}
		want := []manager.Problem{
			{Code: manager.CodeNotUnique, Model: "doc", ResourceID: "doc:b", Message: `model doc: field mail of resource doc:b: the value "x" is held by doc:a too`},
			{Code: manager.CodeNotUnique, Model: "doc", ResourceID: "doc:d", Message: `model doc: field no of resource doc:d: the value 1 is held by doc:a too`},
		}
		if diff := cmp.Diff(want, f.Problems); diff != "" {
			t.Error(diff)
		}
	})
}
