package manager_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestDeclareAddsToWhatIsKnown(t *testing.T) {
	first := storage.ModelInfo{
		Name: "user", Encoding: resource.JSON, IndexedPaths: []string{"name"}, UniquePaths: []string{"mail"},
		SchemaVersion: opt.Of("2"), Declaration: []byte(`{"name":"user","v":1}`),
	}
	known := first
	known.IndexedPaths = []string{"mail", "name"}
	with := func(change func(*storage.ModelInfo)) storage.ModelInfo {
		m := known
		change(&m)
		return m
	}
	for name, tc := range map[string]struct{ more, want storage.ModelInfo }{
		"a name alone changes nothing": {storage.ModelInfo{Name: "user"}, known},
		"paths of an archive are added": {
			storage.ModelInfo{Name: "user", Encoding: resource.Msgpack, IndexedPaths: []string{"age"}},
			with(func(m *storage.ModelInfo) { m.IndexedPaths = []string{"age", "mail", "name"} }),
		},
		"the same declaration changes nothing": {first, known},
		"another declaration replaces the first": {
			storage.ModelInfo{Name: "user", UniquePaths: []string{"login"}, Declaration: []byte(`{}`)},
			with(func(m *storage.ModelInfo) {
				m.IndexedPaths, m.UniquePaths = []string{"login", "mail", "name"}, []string{"login"}
				m.SchemaVersion, m.Declaration = opt.Value[string]{}, []byte(`{}`)
			}),
		},
		"without a declaration what is said is added": {
			storage.ModelInfo{Name: "user", UniquePaths: []string{"login"}, SchemaVersion: opt.Of("3")},
			with(func(m *storage.ModelInfo) {
				m.IndexedPaths, m.UniquePaths = []string{"login", "mail", "name"}, []string{"login", "mail"}
				m.SchemaVersion = opt.Of("3")
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openMemory(t)
			for _, m := range []storage.ModelInfo{first, tc.more} {
				if _, err := s.Declare(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			m, err := s.Open(t.Context(), "user")
			if err != nil {
				t.Fatal(err)
			}
			stored := s.models(t)
			sameVersion := cmp.Comparer(func(a, b opt.Value[string]) bool { return a == b })
			if diff := cmp.Diff([]storage.ModelInfo{tc.want}, stored, sameVersion); diff != "" {
				t.Errorf("stored: %s", diff)
			}
			if diff := cmp.Diff(tc.want, m.Info(), sameVersion); diff != "" {
				t.Errorf("known: %s", diff)
			}
		})
	}
}
