package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage"
)

// Explain says how the store answers a search, or a count: by which statements, what is
// left to the program, and which index it lacks. It is refused to a user who may not see
// all resources: plans tell how many there are.
func (r *Reader) Explain(ctx context.Context, q qb.Query, o storage.ExplainOptions) (x storage.Explanation, err error) {
	models := []string{r.name}
	err = r.catalog.watchedModels(ctx, ActionSearchResources, models, nil, func() (err error) {
		if err := r.catalog.whole(ctx, ActionSearchResources, models); err != nil {
			return err
		}
		if x, err = storage.Explain(ctx, r.metas, q, o); err != nil {
			return fmt.Errorf("explain a query of model %s: %w", r.name, err)
		}
		return nil
	})
	return x, err
}
