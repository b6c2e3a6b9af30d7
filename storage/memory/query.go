package memory

import (
	"context"
	"iter"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

func (r metaReader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return qb.Select(r.All(ctx), q)
}

func (r metaReader) Count(ctx context.Context, q qb.Query) (int64, error) {
	var n int64
	err := r.look(ctx, func(m *model) error {
		for _, row := range m.metas {
			if qb.Match(row.meta, q.Where) {
				n++
			}
		}
		return nil
	})
	return n, err
}

func (r metaReader) CountBy(ctx context.Context, q qb.Query, by qb.Grouping, limit int) (qb.Counts, error) {
	tally := qb.NewTally(by)
	err := r.look(ctx, func(m *model) error {
		for _, row := range m.metas {
			if qb.Match(row.meta, q.Where) {
				tally.Add(row.meta, 1)
			}
		}
		return nil
	})
	if err != nil {
		return qb.Counts{}, err
	}
	return tally.Counts(limit), nil
}
