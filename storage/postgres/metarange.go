package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Rows returns the first metas of a range.
func (r metaReader) Rows(ctx context.Context, in storage.Range, limit int) ([]storage.Row, error) {
	return r.rows(ctx, "read metas", ``, in, limit)
}

// rows returns the first metas of a range that fulfil a condition.
func (r metaReader) rows(ctx context.Context, doing, where string, in storage.Range, limit int) ([]storage.Row, error) {
	query := `SELECT data FROM ` + r.t.meta + ` WHERE ` + where + idKey + ` > $1`
	args := []any{string(in.After), limit}
	if in.Until != "" {
		query += ` AND ` + idKey + ` <= $3`
		args = append(args, string(in.Until))
	}
	return collect(ctx, r.f, r.q, r.doing(doing), query+` ORDER BY `+idKey+` LIMIT $2`, args, scanRow)
}

func scanRow(rows pgx.Rows) (row storage.Row, err error) {
	if err := rows.Scan(&row.Stored); err != nil {
		return row, err
	}
	row.Meta, err = decodeMeta(row.Stored)
	return row, err
}

// Unfilled returns the first metas of a range that lack rev_* fields, with the infos of
// their current revisions.
func (r metaReader) Unfilled(ctx context.Context, in storage.Range, limit int) ([]storage.Unfilled, error) {
	rows, err := r.rows(ctx, "read metas without rev_*", `(`+unfilled+`) AND `, in, limit)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	keys := make([]resource.RevisionKey, len(rows))
	for i, row := range rows {
		keys[i] = currentKey(row.Meta)
	}
	infos, err := r.f.revisionInfos(ctx, r.q, r.t, keys)
	if err != nil {
		return nil, err
	}
	page := make([]storage.Unfilled, len(rows))
	for i, row := range rows {
		page[i].Row = row
		if info, ok := infos[keys[i]]; ok {
			page[i].Current = opt.Of(info)
		}
	}
	return page, nil
}

// Cuts returns every n-th id: one pass over an index.
func (r metaReader) Cuts(ctx context.Context, rows int, lacking bool) ([]resource.ID, error) {
	return collect(ctx, r.f, r.q, r.doing("cut metas"), r.t.cuts(lacking), []any{rows}, scanText[resource.ID])
}

func (t tables) cuts(lacking bool) string {
	where := ``
	if lacking {
		where = ` WHERE ` + unfilled
	}
	return `SELECT resource_id FROM (SELECT resource_id, row_number() OVER (ORDER BY ` + idKey + `) AS n FROM ` + t.meta + where +
		`) AS numbered WHERE n % $1 = 0 ORDER BY ` + idKey
}
