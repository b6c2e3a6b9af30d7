package postgres

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaReader reads the metas of one model through q.
type metaReader struct {
	f *Factory
	q queryer
	t tables
	// dumps, when not nil, is told when all metas are read.
	dumps *dumpSizes
}

var _ storage.MetaReader = metaReader{}

// doing names an action for error messages.
func (r metaReader) doing(action string) string { return action + " of model " + r.t.model + " in" }

// Get returns the meta of id.
func (r metaReader) Get(ctx context.Context, id resource.ID) (resource.Meta, error) {
	for m, err := range r.metas(ctx, `SELECT data FROM `+r.t.meta+` WHERE resource_id = $1`, string(id)) {
		return m, err
	}
	return resource.Meta{}, fmt.Errorf("resource %s of model %s: %w", id, r.t.model, storage.ErrNotFound)
}

// GetMany returns the metas of those ids that exist, by ascending id.
func (r metaReader) GetMany(ctx context.Context, ids []resource.ID) ([]resource.Meta, error) {
	var found []resource.Meta
	for m, err := range r.metas(ctx, `SELECT data FROM `+r.t.meta+` WHERE resource_id = ANY($1) ORDER BY resource_id COLLATE "C"`, texts(ids)) {
		if err != nil {
			return nil, err
		}
		found = append(found, m)
	}
	return found, nil
}

// All returns every meta by ascending id.
func (r metaReader) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	if r.dumps != nil {
		r.dumps.whole.Store(true)
	}
	return r.metas(ctx, `SELECT data FROM `+r.t.meta+` ORDER BY resource_id COLLATE "C"`)
}

// metas streams the decoded first column of a query.
func (r metaReader) metas(ctx context.Context, query string, args ...any) iter.Seq2[resource.Meta, error] {
	return stream(ctx, r.f, r.q, r.doing("read metas"), query, args, func(rows pgx.Rows) (resource.Meta, error) {
		var data pgtype.DriverBytes
		if err := rows.Scan(&data); err != nil {
			return resource.Meta{}, err
		}
		return decodeMeta(data)
	})
}

// currentKey is where the revision is that a meta speaks of.
func currentKey(m resource.Meta) resource.RevisionKey {
	return resource.RevisionKey{Resource: m.ResourceID, Revision: m.CurrentRevisionID, SchemaVersion: m.SchemaVersion}
}

// Stats counts the model's metas.
func (r metaReader) Stats(ctx context.Context) (storage.Stats, error) {
	query := `SELECT (SELECT count(*) FROM ` + r.t.meta + `), (SELECT count(*) FROM ` + r.t.meta + ` WHERE ` + unfilled + `)`
	var s storage.Stats
	for got, err := range stream(ctx, r.f, r.q, r.doing("count rows"), query, nil, func(rows pgx.Rows) (s storage.Stats, err error) {
		return s, rows.Scan(&s.Metas, &s.UnsetRev)
	}) {
		if err != nil {
			return s, err
		}
		s = got
	}
	return s, nil
}

// Blobs returns the ids of the blobs remembered with the model, ascending.
func (r metaReader) Blobs(ctx context.Context) iter.Seq2[string, error] {
	if r.f.foreign() {
		return func(func(string, error) bool) {}
	}
	return stream(ctx, r.f, r.q, r.doing("list blobs"), `SELECT file_id FROM specstar_model_blobs WHERE store = $1 AND model = $2 ORDER BY file_id`,
		[]any{r.f.identity.number, r.t.model}, scanText[string])
}
