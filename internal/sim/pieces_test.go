package sim

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/internal/overlay"
)

// TestPiecesOfSourceAreThere: broken workers name pieces of the source, which change. Most
// of them are only built by long tests.
func TestPiecesOfSourceAreThere(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, changes, err := overlay.Parse(string(text))
		if err == nil {
			_, err = overlay.Write(t.TempDir(), changes)
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
