package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Unset tells of rows that lack rev_* fields.
type Unset struct {
	// Rows is how many there are, Fillable how many of them a backfill can complete: the
	// current revision of the others is nowhere.
	Rows, Fillable int64
	// Last is the last one that was looked at; more may follow when More is set.
	Last resource.ID
	More bool
}

// Unset looks at the first rows behind an id that lack rev_* fields, at most limit. It
// reads no others, where the store has an index of them.
func (r *Reader) Unset(ctx context.Context, after resource.ID, limit int) (Unset, error) {
	page, err := r.metas.Unfilled(ctx, storage.Range{After: after}, limit)
	if err != nil {
		return Unset{}, fmt.Errorf("look for rows of model %s without rev_*: %w", r.name, err)
	}
	u := Unset{Rows: int64(len(page)), Last: after, More: len(page) == limit}
	for i := range page {
		if page[i].Current.IsSet() {
			u.Fillable++
		}
		u.Last = page[i].Meta.ResourceID
	}
	return u, nil
}
