package sqlite

import (
	"context"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Rows returns the first metas of a range.
func (r besideReader) Rows(ctx context.Context, in storage.Range, limit int) ([]storage.Row, error) {
	return r.rows(ctx, func() ([]storage.StoredMeta, error) { return r.m.Page(ctx, in, limit) })
}

// rows decodes metas that read returns.
func (r besideReader) rows(ctx context.Context, read func() ([]storage.StoredMeta, error)) ([]storage.Row, error) {
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	page, err := read()
	if err != nil {
		return nil, err
	}
	rows := make([]storage.Row, len(page))
	for i, s := range page {
		rows[i].Stored = s.Data
		if rows[i].Meta, err = r.decode(s); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// Unfilled returns the first metas of a range that lack rev_* fields, with the infos of
// their current revisions.
func (r besideReader) Unfilled(ctx context.Context, in storage.Range, limit int) ([]storage.Unfilled, error) {
	rows, err := r.rows(ctx, func() ([]storage.StoredMeta, error) { return r.m.Unfilled(ctx, in, limit) })
	if err != nil {
		return nil, err
	}
	keys := make([]resource.RevisionKey, len(rows))
	for i, row := range rows {
		keys[i] = currentKey(row.Meta)
	}
	infos, err := r.b.reader(r.model).infos(ctx, keys)
	if err != nil {
		return nil, err
	}
	page := make([]storage.Unfilled, len(rows))
	for i, row := range rows {
		page[i].Row = row
		if infos[i] == nil {
			continue
		}
		current, err := decodeInfo(infos[i])
		if err != nil {
			return nil, err
		}
		page[i].Current = opt.Of(current)
	}
	return page, nil
}

// Cuts returns every n-th id. Those of metas that lack nothing count, too: to tell
// them apart would be to read them all.
func (r besideReader) Cuts(ctx context.Context, rows int, _ bool) ([]resource.ID, error) {
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	return r.m.Cuts(ctx, rows)
}
