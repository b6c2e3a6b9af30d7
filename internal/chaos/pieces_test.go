package chaos

import (
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/internal/overlay"
)

// TestPiecesOfSourceAreThere: points and broken workers name pieces of the source, which
// change. Most of them are only built by long tests.
func TestPiecesOfSourceAreThere(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, marked, err := points()
	if err != nil {
		t.Fatal(err)
	}
	pieces := map[string][]Change{"points": marked}
	for _, file := range files {
		b, err := readBroken(file)
		if err != nil {
			t.Fatal(err)
		}
		pieces[file] = append(b.changes, ShortLease...)
	}
	for name, changes := range pieces {
		if _, err := overlay.Write(t.TempDir(), changes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
