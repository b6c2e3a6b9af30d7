package postgres

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// Search returns the metas that q selects, in q's order. What SQL cannot decide is
// checked, and what it cannot order is sorted, while the rows come, see package sqlgen.
func (r metaReader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	plan, err := sqlgen.Compile(sqlgen.PostgreSQL, r.t.base+metaSuffix, "data", q)
	if err != nil {
		return func(yield func(resource.Meta, error) bool) { yield(resource.Meta{}, err) }
	}
	return plan.Run(q, func(query string, args []any) iter.Seq2[resource.Meta, error] {
		if !plan.Pattern {
			return r.metas(ctx, query, args...)
		}
		return patient(ctx, patternTime, func(ctx context.Context) iter.Seq2[resource.Meta, error] { return r.metas(ctx, query, args...) })
	})
}

// Count returns how many metas q's condition selects.
func (r metaReader) Count(ctx context.Context, q qb.Query) (int64, error) {
	plan := sqlgen.CompileCount(sqlgen.PostgreSQL, r.t.base+metaSuffix, "data", q)
	var n countBounds
	for counts, err := range counting(ctx, r, plan.Pattern, plan.SQL, plan.Args, scanCounts) {
		if err != nil {
			return 0, err
		}
		n = counts
	}
	if n.open == 0 {
		return n.sure, nil
	}
	return sqlgen.Total(counting(ctx, r, plan.Pattern, plan.Decide, plan.DecideArgs, scanCounted), q)
}

// counting yields the rows of a statement that counts, with patience when it looks for a
// pattern.
func counting[T any](ctx context.Context, r metaReader, pattern bool, query string, args []any, scan func(pgx.Rows) (T, error)) iter.Seq2[T, error] {
	read := func(ctx context.Context) iter.Seq2[T, error] {
		return stream(ctx, r.f, r.q, r.doing("count metas"), query, args, scan)
	}
	if !pattern {
		return read(ctx)
	}
	return patient(ctx, patternTime, read)
}

// countBounds are how many metas are sure to be selected, and how many others may be.
type countBounds struct{ sure, open int64 }

func scanCounts(rows pgx.Rows) (c countBounds, err error) {
	if len(rows.FieldDescriptions()) == 1 {
		return c, rows.Scan(&c.sure)
	}
	return c, rows.Scan(&c.sure, &c.open)
}

func scanCounted(rows pgx.Rows) (c sqlgen.Counted, err error) {
	var data pgtype.DriverBytes
	if err := rows.Scan(&c.N, &data); err != nil || data == nil {
		return c, err
	}
	c.Some = true
	c.Meta, err = decodeMeta(data)
	return c, err
}

func scanCount(rows pgx.Rows) (n int64, err error) { return n, rows.Scan(&n) }
