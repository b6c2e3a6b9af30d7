package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
)

// shownSource reads revisions from a medium as a snapshot of the metas shows them:
// those that its metas do not count were written later, or are of nobody. A content
// that was replaced meanwhile shows as it is now; no medium keeps what was.
type shownSource struct {
	outerSource
	q queryer
}

// entries leaves out what the snapshot's metas do not count.
func (s shownSource) entries(ctx context.Context, t tables, ids []resource.ID) ([]indexEntry, error) {
	all, err := s.outerSource.entries(ctx, t, ids)
	if err != nil || len(all) == 0 {
		return all, err
	}
	counts, err := s.counts(ctx, t, ids)
	return slices.DeleteFunc(all, func(e indexEntry) bool {
		return numberBehind(e.key.Resource, e.key.Revision) > counts[e.key.Resource]
	}), err
}

// counts returns what the metas of resources count.
func (s shownSource) counts(ctx context.Context, t tables, ids []resource.ID) (map[resource.ID]int, error) {
	counts := make(map[resource.ID]int, len(ids))
	_, err := scanRows(ctx, s.q, `SELECT data FROM `+t.meta+` WHERE resource_id = ANY($1)`, []any{texts(ids)}, func(rows pgx.Rows) (resource.Meta, error) {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return resource.Meta{}, err
		}
		return decodeMeta(data)
	}, func(m resource.Meta) bool {
		counts[m.ResourceID] = m.TotalRevisionCount
		return true
	})
	return counts, err
}
