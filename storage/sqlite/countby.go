package sqlite

import (
	"context"
	"database/sql"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// CountBy counts the metas that q's condition selects by their values: the database does
// where it can, else they are read one by one and each different value is held once.
func (r metaReader) CountBy(ctx context.Context, q qb.Query, by qb.Grouping, limit int) (qb.Counts, error) {
	query, args, ok := sqlgen.CompileCountBy(sqlgen.SQLite, r.t.base+"_meta", "data", q, by, limit)
	if !ok {
		return qb.CountBy(r.Search(ctx, qb.Query{Where: q.Where}), q, by, limit)
	}
	tally, total := qb.NewTally(by), int64(0)
	for _, err := range stream(ctx, r.f, r.q, r.doing("count metas"), query, args, func(rows *sql.Rows) (n int64, err error) {
		var data sql.RawBytes
		if err := rows.Scan(&n, &total, &data); err != nil {
			return 0, err
		}
		m, err := resource.DecodeMeta(r.f.encoding(), data)
		tally.Add(m, n)
		return n, err
	}) {
		if err != nil {
			return qb.Counts{}, err
		}
	}
	counts := tally.Counts(limit)
	counts.Total = total
	return counts, nil
}
