package memory

import (
	"context"
	"iter"
	"slices"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

func (r metaReader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return yieldEach(ctx, func() ([]resource.Meta, func(resource.Meta) resource.Meta, error) {
		m, err := r.freeze(ctx)
		if err != nil {
			return nil, nil, err
		}
		return page(m.matching(q), q), func(meta resource.Meta) resource.Meta { return meta }, nil
	})
}

func (r metaReader) Count(ctx context.Context, q qb.Query) (int64, error) {
	m, err := r.freeze(ctx)
	if err != nil {
		return 0, err
	}
	return int64(len(m.matching(q))), nil
}

// matching returns the metas that q's condition selects, in no order.
func (m *model) matching(q qb.Query) []resource.Meta {
	var metas []resource.Meta
	for _, row := range m.metas {
		if qb.Match(row.meta, q.Where) {
			metas = append(metas, row.meta)
		}
	}
	return metas
}

// page sorts metas and cuts out what q asks for.
func page(metas []resource.Meta, q qb.Query) []resource.Meta {
	slices.SortFunc(metas, func(a, b resource.Meta) int { return qb.Compare(a, b, q.Sort) })
	metas = metas[min(max(q.Offset, 0), len(metas)):]
	if limit, ok := q.Limit.Get(); ok {
		metas = metas[:min(max(limit, 0), len(metas))]
	}
	return metas
}
