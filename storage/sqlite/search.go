package sqlite

import (
	"context"
	"database/sql"
	"iter"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// Search returns the metas that q selects, in q's order. What SQL cannot decide is
// checked, and what it cannot order is sorted, while the rows come, see package sqlgen.
func (r metaReader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	plan, err := sqlgen.Compile(sqlgen.SQLite, r.t.base+"_meta", "data", q)
	if err != nil {
		return func(yield func(resource.Meta, error) bool) { yield(resource.Meta{}, err) }
	}
	return plan.Run(q, func(query string, args []any) iter.Seq2[resource.Meta, error] { return r.metas(ctx, query, args...) })
}

// Count returns how many metas q's condition selects.
func (r metaReader) Count(ctx context.Context, q qb.Query) (int64, error) {
	plan := sqlgen.CompileCount(sqlgen.SQLite, r.t.base+"_meta", "data", q)
	sure, open, err := r.countBounds(ctx, plan)
	if err != nil || open == 0 {
		return sure, err
	}
	return sqlgen.Total(stream(ctx, r.f, r.q, r.doing("count metas"), plan.Decide, plan.DecideArgs, r.counted), q)
}

// countBounds returns how many metas are sure to be selected, and how many others may be.
func (r metaReader) countBounds(ctx context.Context, plan sqlgen.CountPlan) (sure, open int64, err error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	counts := []any{&sure}
	if !plan.Exact {
		counts = append(counts, &open)
	}
	err = r.q.QueryRowContext(ctx, plan.SQL, plan.Args...).Scan(counts...)
	return sure, open, r.f.explain(r.doing("count metas"), cause(ctx, err))
}

func (r metaReader) counted(rows *sql.Rows) (c sqlgen.Counted, err error) {
	var data sql.RawBytes
	if err := rows.Scan(&c.N, &data); err != nil || data == nil {
		return c, err
	}
	c.Some = true
	c.Meta, err = resource.DecodeMeta(r.f.encoding(), data)
	return c, err
}
