package sqlite

import (
	"context"

	"github.com/specstar-worker/worker/qb"
)

// CountBy counts the metas that q's condition selects by their values: they are read
// one by one, and each different value is held once.
func (r metaReader) CountBy(ctx context.Context, q qb.Query, by qb.Grouping, limit int) (qb.Counts, error) {
	return qb.CountBy(r.Search(ctx, qb.Query{Where: q.Where}), q, by, limit)
}
