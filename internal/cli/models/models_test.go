package models_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/cli/models"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "models.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadFile(t *testing.T) {
	got, err := models.ReadFile(write(t, `
models:
  - name: sales-order
    encoding: msgpack
  - name: person
    indexed_fields: [name, address.city, name]
`))
	want := []storage.ModelInfo{
		{Name: "person", IndexedPaths: []string{"address.city", "name"}},
		{Name: "sales-order", Encoding: resource.Msgpack},
	}
	sameVersion := cmp.Comparer(func(a, b opt.Value[string]) bool { return a == b })
	if err != nil || !cmp.Equal(got, want, sameVersion) {
		t.Fatalf("ReadFile = %+v, %v; want %+v", got, err, want)
	}
}

func TestBadDeclarationsAreRefused(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "models:\n  - name: a\n    colour: red\n", "[3:5]"},
		{"no name", "models:\n  - encoding: json\n", "model 1"},
		{"repeated", "models: [{name: a}, {name: a}]\n", "model 2: \"a\" is declared twice"},
		{"encoding", "models: [{name: a, encoding: xml}]\n", "xml"},
		{"not YAML", "models: [", "models.yaml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := models.ReadFile(write(t, tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error = %v; want it to contain %q", err, tc.want)
			}
		})
	}
}

func TestDigestIsOfTheContent(t *testing.T) {
	a, err := models.Digest(write(t, "models: [{name: a}, {name: b}]\n"))
	if err != nil || a == "" {
		t.Fatalf("Digest = %q, %v", a, err)
	}
	b, err := models.Digest(write(t, "# other file\nmodels:\n- name: b\n- name: a\n"))
	if err != nil || b != a {
		t.Fatalf("Digest of equal content = %q, %v; want %q", b, err, a)
	}
	if d, err := models.Digest(""); err != nil || d != "" {
		t.Fatalf("Digest of nothing = %q, %v", d, err)
	}
}
