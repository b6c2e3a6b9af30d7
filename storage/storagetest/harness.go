package storagetest

import (
	"context"
	"slices"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

// Harness says how the suite gets the stores of a backend.
type Harness struct {
	// New returns an empty store, apart from every other. It is closed by New's own
	// t.Cleanup; closing it twice must be harmless.
	New func(t testing.TB) storage.Factory
	// Reopen closes the store and opens it again on the same medium, as the next
	// process does. nil when the medium forgets; Traits.Durable must then be false.
	Reopen func(t testing.TB, f storage.Factory) storage.Factory
	// NoBlobs says that the factory owns no place for blobs.
	NoBlobs bool
}

// T is the part of *testing.T that a check uses. Fatalf does not return.
type T interface {
	Context() context.Context
	Helper()
	Fatalf(format string, args ...any)
}

// check is one test: it fails t when the store breaks the promise it is named after.
type check struct {
	name string // G<number>/<what_is_promised>
	run  func(t T, s subject)
}

// subject is the store under test.
type subject struct {
	storage.Factory
	// reopen is nil when the medium forgets.
	reopen  func() storage.Factory
	noBlobs bool
}

// checks returns the whole suite, by subject.
func checks() []check {
	return slices.Concat(
		modelChecks(), metaChecks(), swapChecks(), revisionChecks(), uidChecks(), blobChecks(),
		unitChecks(), concurrencyChecks(), historyChecks(), effectChecks(), stageChecks(), publishChecks(),
		jobChecks(), claimChecks(), shortJobChecks(), adminChecks(),
		queryChecks(), iterationChecks(), cancelChecks(), snapshotChecks(),
		durabilityChecks(), limitChecks(),
	)
}

// Run runs the suite, each check on a store of its own.
func Run(t *testing.T, h Harness) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			f := h.New(t)
			s := subject{Factory: f, noBlobs: h.NoBlobs}
			if h.Reopen != nil {
				s.reopen = func() storage.Factory { return h.Reopen(t, f) }
			}
			c.run(t, s)
		})
	}
}
