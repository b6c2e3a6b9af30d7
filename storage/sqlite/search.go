package sqlite

import (
	"context"
	"errors"
	"iter"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// Search returns the metas that q selects, in q's order. What SQL cannot
// express, conditions on indexed data among it, is decided by reading every
// meta of the model; then the selected metas, or twice offset + limit of them,
// are held in memory.
func (r metaReader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	if q.After.IsSet() {
		return qb.Window(r.Search(ctx, qb.Query{Where: q.Where, Sort: q.Sort}), q)
	}
	query, args, err := sqlgen.Select(sqlgen.SQLite, r.t.base+"_meta", "data", q)
	switch {
	case errors.Is(err, sqlgen.ErrNotPushable):
		return qb.Select(r.All(ctx), q)
	case err != nil:
		return func(yield func(resource.Meta, error) bool) { yield(resource.Meta{}, err) }
	}
	return r.metas(ctx, query, args...)
}

// Count returns how many metas q's condition selects.
func (r metaReader) Count(ctx context.Context, q qb.Query) (int64, error) {
	query, args, err := sqlgen.Count(sqlgen.SQLite, r.t.base+"_meta", q)
	if errors.Is(err, sqlgen.ErrNotPushable) {
		return r.countMatches(ctx, q.Where)
	}
	if err != nil {
		return 0, err
	}
	ctx, stop := r.f.reading(ctx)
	defer stop()
	var n int64
	err = r.q.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, r.f.explain(r.doing("count metas"), cause(ctx, err))
}

func (r metaReader) countMatches(ctx context.Context, c qb.Cond) (int64, error) {
	var n int64
	for m, err := range r.All(ctx) {
		if err != nil {
			return 0, err
		}
		if qb.Match(m, c) {
			n++
		}
	}
	return n, nil
}
