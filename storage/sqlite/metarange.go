package sqlite

import (
	"context"
	"database/sql"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// within is the condition of ids in a range, for a column, with its arguments.
func within(column string, in storage.Range) (string, []any) {
	if in.Until == "" {
		return column + ` > ?`, []any{string(in.After)}
	}
	return column + ` > ? AND ` + column + ` <= ?`, []any{string(in.After), string(in.Until)}
}

// collect returns all that a query gives.
func collect[T any](ctx context.Context, f *Factory, q queryer, doing, query string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	var all []T
	for v, err := range stream(ctx, f, q, doing, query, args, scan) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Rows returns the first metas of a range.
func (r metaReader) Rows(ctx context.Context, in storage.Range, limit int) ([]storage.Row, error) {
	where, args := within(`resource_id`, in)
	query := `SELECT data FROM ` + r.t.meta + ` WHERE ` + where + ` ORDER BY resource_id LIMIT ?`
	return collect(ctx, r.f, r.q, r.doing("read metas"), query, append(args, limit), func(rows *sql.Rows) (row storage.Row, err error) {
		return row, r.scanRow(rows, &row)
	})
}

// scanRow scans a meta, and more behind it.
func (r metaReader) scanRow(rows *sql.Rows, row *storage.Row, more ...any) (err error) {
	if err := rows.Scan(append([]any{&row.Stored}, more...)...); err != nil {
		return err
	}
	row.Meta, err = resource.DecodeMeta(r.f.encoding(), row.Stored)
	return err
}

// Unfilled returns the first metas of a range that lack rev_* fields, with the infos of
// their current revisions.
func (r metaReader) Unfilled(ctx context.Context, in storage.Range, limit int) ([]storage.Unfilled, error) {
	where, args := within(`m.resource_id`, in)
	query := `SELECT m.data, d.info FROM ` + r.t.meta + ` AS m
		LEFT JOIN ` + r.t.index + ` AS i ON i.resource_id = m.resource_id AND i.revision_id = m.current_revision_id
			AND i.schema_version = coalesce('v_' || m.schema_version, '')
		LEFT JOIN ` + r.t.data + ` AS d ON d.id = i.data_id
		WHERE (` + unfilled + `) AND ` + where + ` ORDER BY m.resource_id LIMIT ?`
	return collect(ctx, r.f, r.q, r.doing("read metas without rev_*"), query, append(args, limit), r.unfilled)
}

func (r metaReader) unfilled(rows *sql.Rows) (u storage.Unfilled, err error) {
	var info []byte
	if err := r.scanRow(rows, &u.Row, &info); err != nil || info == nil {
		return u, err
	}
	current, err := resource.DecodeRevisionInfo(r.f.encoding(), info)
	u.Current = opt.Of(current)
	return u, err
}

// Cuts returns every n-th id: one pass over an index.
func (r metaReader) Cuts(ctx context.Context, rows int, lacking bool) ([]resource.ID, error) {
	return collect(ctx, r.f, r.q, r.doing("cut metas"), r.t.cuts(lacking), []any{rows}, scanID)
}

func scanID(rows *sql.Rows) (id resource.ID, err error) { return id, rows.Scan(&id) }

func (t tables) cuts(lacking bool) string {
	where := ``
	if lacking {
		where = ` WHERE ` + unfilled
	}
	return `SELECT resource_id FROM (SELECT resource_id, row_number() OVER (ORDER BY resource_id) AS n FROM ` + t.meta + where + `) WHERE n % ? = 0`
}
