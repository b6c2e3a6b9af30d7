package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaReader reads the metas of one model through q.
type metaReader struct {
	f *Factory
	q queryer
	t tables
}

// doing names an action for error messages.
func (r metaReader) doing(action string) string { return action + " of model " + r.t.model + " in" }

// Get returns the meta of id.
func (r metaReader) Get(ctx context.Context, id resource.ID) (resource.Meta, error) {
	for m, err := range r.metas(ctx, `SELECT data FROM `+r.t.meta+` WHERE resource_id = ?`, string(id)) {
		return m, err
	}
	return resource.Meta{}, fmt.Errorf("resource %s of model %s: %w", id, r.t.model, storage.ErrNotFound)
}

// GetMany returns the metas of those ids that exist, by ascending id.
func (r metaReader) GetMany(ctx context.Context, ids []resource.ID) ([]resource.Meta, error) {
	var found []resource.Meta
	for m, err := range r.metas(ctx, `SELECT data FROM `+r.t.meta+` WHERE resource_id IN (SELECT value FROM json_each(?)) ORDER BY resource_id`, jsonIDs(ids)) {
		if err != nil {
			return nil, err
		}
		found = append(found, m)
	}
	return found, nil
}

// All returns every meta by ascending id.
func (r metaReader) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	return r.metas(ctx, `SELECT data FROM `+r.t.meta+` ORDER BY resource_id`)
}

// metas streams the decoded first column of a query.
func (r metaReader) metas(ctx context.Context, query string, args ...any) iter.Seq2[resource.Meta, error] {
	return stream(ctx, r.f, r.q, r.doing("read metas"), query, args, func(rows *sql.Rows) (resource.Meta, error) {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return resource.Meta{}, err
		}
		return resource.DecodeMeta(r.f.encoding(), data)
	})
}

// Stats counts the model's metas.
func (r metaReader) Stats(ctx context.Context) (storage.Stats, error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	var s storage.Stats
	err := r.q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM `+r.t.meta+`),
		(SELECT count(*) FROM `+r.t.meta+` WHERE `+unfilled+`)`).Scan(&s.Metas, &s.UnsetRev)
	return s, r.f.explain(r.doing("count rows"), err)
}

// Blobs returns the ids of the blobs remembered with the model, ascending.
func (r metaReader) Blobs(ctx context.Context) iter.Seq2[string, error] {
	return stream(ctx, r.f, r.q, r.doing("list blobs"), `SELECT file_id FROM specstar_model_blobs WHERE store = ? AND model = ? ORDER BY file_id`,
		[]any{r.f.identity.number, r.t.model}, func(rows *sql.Rows) (string, error) {
			var id string
			return id, rows.Scan(&id)
		})
}
