package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/storage"
)

// Snapshot reads a store as it was at one moment, with the handlers and the user
// of the view it was made by. It must be closed, and used by one goroutine at a time.
type Snapshot struct {
	catalog *Catalog
	snap    storage.Snapshot
}

// Snapshot returns the store as it is now.
func (c *Catalog) Snapshot(ctx context.Context) (*Snapshot, error) {
	snap, err := c.factory.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the store: %w", err)
	}
	return &Snapshot{catalog: c, snap: snap}, nil
}

// Open returns the reader of a model. The error wraps [storage.ErrNotFound] when
// there was no such model.
func (s *Snapshot) Open(ctx context.Context, model string) (*Reader, error) {
	metas, revisions, err := s.snap.Build(ctx, model)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", model, err)
	}
	return &Reader{name: model, catalog: s.catalog, metas: metas, revisions: revisions}, nil
}

// Close frees the snapshot.
func (s *Snapshot) Close() error { return s.snap.Close() }
