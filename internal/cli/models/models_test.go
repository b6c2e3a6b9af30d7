package models_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/cli/models"
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
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range got {
		names = append(names, m.Declaration().Name)
	}
	if diff := cmp.Diff([]string{"person", "sales-order"}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"address.city", "name"}, got[0].IndexedPaths()); diff != "" {
		t.Error(diff)
	}
}

func TestBadDeclarationsAreRefused(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "models:\n  - name: a\n    colour: red\n", "models.yaml:3:5: a model has no key \"colour\""},
		{"no name", "models:\n  - encoding: json\n", "models.yaml:2:5: the model has no name"},
		{"bad name", "models:\n  - name: a/b\n", "models.yaml:2:11: the name \"a/b\" cannot be used"},
		{"repeated", "models: [{name: a}, {name: a}]\n", "models.yaml:1:28: model \"a\" is declared twice, first in line 1"},
		{"encoding", "models: [{name: a, encoding: xml}]\n", "models.yaml:1:30: encoding \"xml\" is not known"},
		{"beside the list", "models: []\nname: a\n", "models.yaml:1:1: a model has no key \"models\""},
		{"not YAML", "models: [", "models.yaml:1:9"},
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
