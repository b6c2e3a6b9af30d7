package jobs

import (
	"context"
	"errors"
	"slices"

	"github.com/specstar-worker/worker/storage"
)

// Unfilled implements [Backfiller]. Of each model one row is looked for.
func (w *CatalogWork) Unfilled(ctx context.Context, models []string) ([]string, error) {
	if len(models) == 0 {
		all, err := w.names(ctx)
		if err != nil {
			return nil, err
		}
		models = all
	}
	var found []string
	for _, name := range slices.Sorted(slices.Values(models)) {
		m, err := w.Catalog.Unguarded().Open(ctx, name)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		u, err := m.Unset(ctx, "", 1)
		if err != nil {
			return nil, err
		}
		if u.Rows > 0 {
			found = append(found, name)
		}
	}
	return found, nil
}
