package preset_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/preset"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// inMemory puts the temporary directories of a test on a file system in memory where
// there is one: a suite that syncs files ten thousand times waits for the disk only.
func inMemory(t *testing.T) {
	t.Helper()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm")
	}
}

// Metas as files keep every promise but that of a load that appears as a whole.
func TestDiskConforms(t *testing.T) {
	inMemory(t)
	storagetest.Run(t, storagetest.Harness{
		Lacks: []check.Need{check.AtomicLoad},
		Open: func(ctx context.Context, at string) (storage.Factory, error) {
			return preset.Disk(ctx, at, preset.Options{})
		},
	})
}

// A directory is opened as what it is: as another kind it would be an empty store.
func TestKindsOfDirectoriesAreNotMixedUp(t *testing.T) {
	for place, other := range map[string]string{"disk:": "sqlite+disk:", "sqlite+disk:": "disk:"} {
		dir := filepath.Join(t.TempDir(), "data")
		p := parse(t, place+dir)
		f, err := p.Open(t.Context(), preset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON}); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for _, readOnly := range []bool{false, true} {
			o := preset.Options{ReadOnly: readOnly}
			want := "it is a " + place[:len(place)-1] + " store, with the metas of person: use --store " + place + "DIR"
			if _, err := parse(t, other+dir).Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s opened as %s: %v; want %q", place, other, err, want)
			}
			f, err := p.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if models, err := f.Models(t.Context()); err != nil || len(models) != 1 {
				t.Errorf("%s has the models %v, %v", place, models, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func parse(t *testing.T, store string) preset.Place {
	t.Helper()
	p, err := preset.Parse(store, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}
