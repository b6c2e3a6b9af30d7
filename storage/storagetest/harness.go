package storagetest

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/specstar-worker/worker/storage/check"
)

// Harness says how the suite gets the stores of a backend.
type Harness struct {
	// Open opens the store at a place, which is a path below a temporary directory
	// of the test: the directory above is there. A store that does not live in
	// files makes a name of its own from the path; equal paths are equal stores.
	Open check.Open
	// Lacks is what the backend is known not to have. That it has anything else is
	// part of what is tested.
	Lacks []check.Need
}

// Run runs the suite, each check on a store of its own. It starts the test that
// called it again in another process, to kill that.
func Run(t *testing.T, h Harness) {
	h.writeUntilKilled(t)
	o := check.Options{Dir: t.TempDir(), Writer: writer(t)}
	h.wantLacks(t, o)
	lacks := h.Lacks
	if slices.Contains(lacks, check.Durable) {
		lacks = append(slices.Clone(lacks), check.Process)
	}
	for i, c := range check.All() {
		if slices.Contains(lacks, c.Needs) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			fail(t, c.Run(t.Context(), h.Open, fmt.Sprintf("c%03d", i), o))
		})
	}
	h.runDrawn(t, o)
}

// wantLacks fails t when the store lacks what it is not known to lack, or has it.
func (h Harness) wantLacks(t *testing.T, o check.Options) {
	t.Helper()
	f, err := h.Open(t.Context(), filepath.Join(o.Dir, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	if lacks := check.Lacks(t.Context(), f); !slices.Equal(lacks, h.Lacks) {
		t.Errorf("the store lacks %q, want %q", lacks, h.Lacks)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// fail fails t when a check failed.
func fail(t testing.TB, r check.Result) {
	t.Helper()
	if r.State == check.Failed {
		t.Fatalf("%s: %s", r.Where, r.Message)
	}
}
