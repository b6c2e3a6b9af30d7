package upload_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/cli/upload"
)

// TestAHashAheadIsThatOfTheUpload: whatever happens to the file before it is put.
func TestAHashAheadIsThatOfTheUpload(t *testing.T) {
	write := func(t *testing.T, path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(t *testing.T, from, to string) {
		t.Helper()
		if err := os.Link(from, to); err != nil {
			t.Fatal(err)
		}
	}
	for name, put := range map[string]func(t *testing.T, from, to string){
		"linked":             link,
		"another file":       func(t *testing.T, _, to string) { write(t, to, "another") },
		"of the same length": func(t *testing.T, _, to string) { write(t, to, "ARCHIVE") },
		"changed meanwhile": func(t *testing.T, from, to string) {
			link(t, from, to)
			write(t, from, "archive, longer")
		},
		"changed in place": func(t *testing.T, from, to string) {
			link(t, from, to)
			write(t, from, "ARCHIVE")
			if err := os.Chtimes(from, time.Time{}, time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
			write(t, from, "archive")
			a := upload.HashAhead(from)
			if a == nil {
				t.Fatal("it is not hashed")
			}
			if _, err := a.Hash(dir, "from"); err != nil { // it has been worked out
				t.Fatal(err)
			}
			put(t, from, to)
			have, err := a.Hash(dir, "to")
			if err != nil {
				t.Fatal(err)
			}
			if want, err := upload.Hash(dir, "to"); err != nil || have != want {
				t.Fatalf("%s instead of %s, %v", have, want, err)
			}
		})
	}
}

// TestWhatIsNotHashedAhead: what is no file, or a large one.
func TestWhatIsNotHashedAhead(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 1<<30); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{upload.Stdin, t.TempDir(), filepath.Join(t.TempDir(), "none"), large} {
		if upload.HashAhead(path) != nil {
			t.Errorf("%s is hashed", path)
		}
	}
}
