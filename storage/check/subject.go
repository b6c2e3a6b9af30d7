package check

import (
	"context"
	"errors"
	"os/exec"

	"github.com/specstar-worker/worker/storage"
)

// subject is the store under test.
type subject struct {
	storage.Factory
	open  Open
	place string
	// writer is [Options.Writer].
	writer func(place string) *exec.Cmd
}

// reopen closes the store and opens it again, as the next process does.
func (s *subject) reopen(t T) {
	t.Helper()
	ok(t, "close the store", s.Close())
	f, err := s.open(t.Context(), s.place)
	ok(t, "open the store again", err)
	s.Factory = f
}

// Lacks returns what f declares not to have, in the order of the constants.
func Lacks(ctx context.Context, f storage.Factory) []Need {
	var lacks []Need
	traits := f.Traits()
	for _, n := range []struct {
		need Need
		has  bool
	}{
		{AtomicBatch, traits.AtomicBatch},
		{AtomicLoad, traits.AtomicLoad},
		{Durable, traits.Durable},
		{Blobs, ownsBlobs(ctx, f)},
	} {
		if !n.has {
			lacks = append(lacks, n.need)
		}
	}
	return lacks
}

// ownsBlobs reports whether f has a place for blobs. One that fails has one.
func ownsBlobs(ctx context.Context, f storage.Factory) bool {
	_, err := storage.BuildBlobStore(ctx, f)
	return !errors.Is(err, errors.ErrUnsupported)
}
