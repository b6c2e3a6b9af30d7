package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/resource"
)

// pullMetas and pullInfos read a page: which revision is the current one is in the
// encoded meta alone.
const (
	pullMetas = `SELECT data FROM item_meta
	WHERE (rev_status IS NULL OR rev_created_by IS NULL OR rev_updated_by IS NULL OR rev_created_time IS NULL OR rev_updated_time IS NULL)
	AND resource_id COLLATE "C" > $1 ORDER BY resource_id COLLATE "C" LIMIT $2`
	pullInfos = `SELECT k.o, d.info FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (id, revision, o)
	JOIN item_resource_index AS i ON i.resource_id = k.id AND i.revision_id = k.revision
	JOIN item_resource_data AS d ON d.uid = i.uid`
	push = `UPDATE item_meta AS m SET data = n.data, rev_status = n.status, rev_created_by = n.created_by, rev_updated_by = n.updated_by,
	rev_created_time = n.created_time, rev_updated_time = n.updated_time
	FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::timestamp[], $8::timestamp[])
	AS n (id, old, data, status, created_by, updated_by, created_time, updated_time)
	WHERE m.resource_id = n.id AND m.data = n.old`
)

// page are rows in columns, as they are pushed.
type page struct {
	ids, status, createdBy, updatedBy []string
	old, data                         [][]byte
	created, updated                  []time.Time
}

// fillByHand fills all rows: one page is pulled while others are pushed.
func fillByHand(ctx context.Context, pool *pgxpool.Pool, size, pushers int) (err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(pushers)
	for after := ""; ; {
		p, err := pullPage(ctx, pool, after, size)
		if err != nil || len(p.ids) == 0 {
			if werr := g.Wait(); err == nil || werr != nil {
				err = werr
			}
			return err
		}
		after = p.ids[len(p.ids)-1]
		g.Go(func() error {
			tag, err := pool.Exec(ctx, push, p.ids, p.old, p.data, p.status, p.createdBy, p.updatedBy, p.created, p.updated)
			if err == nil && int(tag.RowsAffected()) != len(p.ids) {
				err = fmt.Errorf("%d of %d rows were pushed", tag.RowsAffected(), len(p.ids))
			}
			return err
		})
	}
}

// pullPage reads a page and encodes its metas anew.
func pullPage(ctx context.Context, pool *pgxpool.Pool, after string, size int) (p page, err error) {
	rows, err := pool.Query(ctx, pullMetas, after, size)
	if err != nil {
		return p, err
	}
	var metas []resource.Meta
	for rows.Next() {
		var old []byte
		if err := rows.Scan(&old); err != nil {
			return p, err
		}
		m, err := resource.DecodeMeta(resource.Msgpack, old)
		if err != nil {
			return p, err
		}
		metas = append(metas, m)
		p.ids, p.old = append(p.ids, string(m.ResourceID)), append(p.old, old)
	}
	if err := rows.Err(); err != nil || len(metas) == 0 {
		return p, err
	}
	infos, err := pullAllInfos(ctx, pool, metas)
	if err != nil {
		return p, err
	}
	for i, m := range metas {
		info := infos[i]
		m.Rev = resource.RevMetaOf(info)
		p.data = append(p.data, m.Append(resource.Msgpack, nil))
		p.status, p.createdBy, p.updatedBy = append(p.status, string(info.Status)), append(p.createdBy, info.CreatedBy), append(p.updatedBy, info.UpdatedBy)
		p.created, p.updated = append(p.created, info.CreatedTime.UTC()), append(p.updated, info.UpdatedTime.UTC())
	}
	return p, nil
}

// pullAllInfos reads the infos of the current revisions of metas.
func pullAllInfos(ctx context.Context, pool *pgxpool.Pool, metas []resource.Meta) ([]resource.RevisionInfo, error) {
	ids, revisions := make([]string, len(metas)), make([]string, len(metas))
	for i, m := range metas {
		ids[i], revisions[i] = string(m.ResourceID), string(m.CurrentRevisionID)
	}
	rows, err := pool.Query(ctx, pullInfos, ids, revisions)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	infos := make([]resource.RevisionInfo, len(metas))
	for rows.Next() {
		var at int
		var info []byte
		if err := rows.Scan(&at, &info); err != nil {
			return nil, err
		}
		if infos[at-1], err = resource.DecodeRevisionInfo(resource.Msgpack, info); err != nil {
			return nil, err
		}
	}
	return infos, rows.Err()
}
