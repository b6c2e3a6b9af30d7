package cachedir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCacheIsThatOfTheRepository(t *testing.T) {
	root := t.TempDir()
	inside := filepath.Join(root, "bench", "deep")
	for _, dir := range []string{inside, filepath.Join(root, filepath.Dir(marker))} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, marker), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(root, ".cache", "bin", "tool")
	if got, err := Path(inside, "bin", "tool"); err != nil || got != want {
		t.Errorf("Path = %q, %v; want %q", got, err, want)
	}
	here, err := Here()
	if err != nil || !strings.HasSuffix(here, "/.cache") {
		t.Errorf("Here = %q, %v", here, err)
	}
}

func TestOutsideTheRepositoryIsAnError(t *testing.T) {
	if _, err := Path(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not inside the repository") {
		t.Errorf("Path outside the repository gave %v", err)
	}
}
