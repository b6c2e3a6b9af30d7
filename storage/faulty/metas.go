package faulty

import (
	"context"
	"iter"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

type metaReader struct {
	r storage.MetaReader
	p *Plan
}

func (m metaReader) Get(ctx context.Context, id resource.ID) (resource.Meta, error) {
	return ask(ctx, m.p, "Metas.Get", func(ctx context.Context) (resource.Meta, error) { return m.r.Get(ctx, id) })
}

func (m metaReader) GetMany(ctx context.Context, ids []resource.ID) ([]resource.Meta, error) {
	return ask(ctx, m.p, "Metas.GetMany", func(ctx context.Context) ([]resource.Meta, error) { return m.r.GetMany(ctx, ids) })
}

func (m metaReader) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	return sequence(ctx, m.p, "Metas.All", m.r.All)
}

func (m metaReader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return sequence(ctx, m.p, "Metas.Search", func(ctx context.Context) iter.Seq2[resource.Meta, error] { return m.r.Search(ctx, q) })
}

func (m metaReader) Count(ctx context.Context, q qb.Query) (int64, error) {
	return ask(ctx, m.p, "Metas.Count", func(ctx context.Context) (int64, error) { return m.r.Count(ctx, q) })
}

func (m metaReader) CountBy(ctx context.Context, q qb.Query, by qb.Grouping, limit int) (qb.Counts, error) {
	return ask(ctx, m.p, "Metas.CountBy", func(ctx context.Context) (qb.Counts, error) { return m.r.CountBy(ctx, q, by, limit) })
}

func (m metaReader) Rows(ctx context.Context, r storage.Range, limit int) ([]storage.Row, error) {
	return ask(ctx, m.p, "Metas.Rows", func(ctx context.Context) ([]storage.Row, error) { return m.r.Rows(ctx, r, limit) })
}

func (m metaReader) Unfilled(ctx context.Context, r storage.Range, limit int) ([]storage.Unfilled, error) {
	return ask(ctx, m.p, "Metas.Unfilled", func(ctx context.Context) ([]storage.Unfilled, error) { return m.r.Unfilled(ctx, r, limit) })
}

func (m metaReader) Cuts(ctx context.Context, rows int, unfilled bool) ([]resource.ID, error) {
	return ask(ctx, m.p, "Metas.Cuts", func(ctx context.Context) ([]resource.ID, error) { return m.r.Cuts(ctx, rows, unfilled) })
}

func (m metaReader) Stats(ctx context.Context) (storage.Stats, error) {
	return ask(ctx, m.p, "Metas.Stats", m.r.Stats)
}

func (m metaReader) Blobs(ctx context.Context) iter.Seq2[string, error] {
	return sequence(ctx, m.p, "Metas.Blobs", m.r.Blobs)
}

type metas struct {
	metaReader
	s storage.MetaStore
}

func (m metas) SaveMany(ctx context.Context, all []resource.Meta) error {
	return m.p.call(ctx, "Metas.SaveMany", func(ctx context.Context) error { return m.s.SaveMany(ctx, all) })
}

func (m metas) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	return ask(ctx, m.p, "Metas.CompareAndSwap", func(ctx context.Context) ([]bool, error) { return m.s.CompareAndSwap(ctx, swaps) })
}

func (m metas) Delete(ctx context.Context, ids []resource.ID) error {
	return m.p.call(ctx, "Metas.Delete", func(ctx context.Context) error { return m.s.Delete(ctx, ids) })
}
