package manager_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestDeclareAddsToWhatIsKnown(t *testing.T) {
	first := storage.ModelInfo{
		Name: "user", Encoding: resource.JSON, IndexedPaths: []string{"name"},
		Declaration: []byte(`{"name":"user","schema_version":"2","unique_fields":["mail"]}`),
	}
	known := first
	known.SchemaVersion = opt.Of("2")
	known.IndexedPaths, known.UniquePaths = []string{"mail", "name"}, []string{"mail"}
	known.Declaration = []byte(`{"name":"user","schema_version":"2","unique_fields":["mail"]}`)
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
			storage.ModelInfo{Name: "user", Declaration: []byte(`{"name":"user","unique_fields":["login"]}`)},
			with(func(m *storage.ModelInfo) {
				m.IndexedPaths, m.UniquePaths = []string{"login", "mail", "name"}, []string{"login"}
				m.SchemaVersion, m.Declaration = opt.Value[string]{}, []byte(`{"name":"user","unique_fields":["login"]}`)
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

func TestDeclareRefuses(t *testing.T) {
	s := openMemory(t)
	for _, m := range []storage.ModelInfo{
		{Name: "packed", Encoding: resource.Msgpack},
		{Name: "declared", Declaration: []byte(`{"name":"declared","type":"any"}`)},
	} {
		if _, err := s.Declare(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	before := s.models(t)
	for want, m := range map[string]storage.ModelInfo{
		"payloads of model packed are written in msgpack, the declaration says json; declare encoding: msgpack": {Name: "packed", Declaration: []byte(`{"name":"packed","type":"any"}`)},
		"payloads of model declared are written in json, the declaration says msgpack; declare encoding: json":  {Name: "declared", Declaration: []byte(`{"name":"declared","encoding":"msgpack"}`)},
		"the declaration of model declared is of a model other":                                                 {Name: "declared", Declaration: []byte(`{"name":"other"}`)},
		`declaration of model declared: fields[0].type: there is no type "strr"; did you mean "str"?`:           {Name: "declared", Declaration: []byte(`{"name":"declared","fields":[{"name":"a","type":"strr"}]}`)},
	} {
		_, err := s.Declare(t.Context(), m)
		if code, ok := manager.CodeOf(err); !ok || code != manager.CodeInvalid || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if diff := cmp.Diff(before, s.models(t), cmp.Comparer(func(a, b opt.Value[string]) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}
