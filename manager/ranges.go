package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/storage"
)

// Ranges cuts the model into ranges of at most rows resources each, with unfilled of at
// most so many that lack rev_* fields: what the backfills and migrations of several
// workers do side by side. Together they are the whole model. It takes one pass over an
// index of ids, where there is one.
func (m *Manager) Ranges(ctx context.Context, rows int, unfilled bool) ([]storage.Range, error) {
	cuts, err := m.stores.Metas.Cuts(ctx, max(rows, 1), unfilled)
	if err != nil {
		return nil, fmt.Errorf("cut model %s into ranges: %w", m.name, err)
	}
	return storage.RangesOf(cuts), nil
}
