package postgres

import (
	"context"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// metaStore writes metas outside a unit of work.
type metaStore struct{ metaReader }

var _ storage.MetaStore = metaStore{}

// SaveMany inserts or replaces metas in one transaction.
func (s metaStore) SaveMany(ctx context.Context, metas []resource.Meta) error {
	if len(metas) == 0 {
		return ctx.Err()
	}
	rows, err := s.f.encodeMetas(s.t, metas)
	if err != nil {
		return err
	}
	rows = lastOf(rows)
	return s.f.write(ctx, s.doing("save metas"), func(t *tx) error { return t.upsertMetas(s.t, rows) })
}

// Delete removes the metas of ids.
func (s metaStore) Delete(ctx context.Context, ids []resource.ID) error {
	return s.f.write(ctx, s.doing("delete metas"), func(t *tx) error { return t.deleteMetas(s.t, ids) })
}

// revisionStore writes revisions outside a unit of work.
type revisionStore struct{ revisionReader }

var _ storage.RevisionStore = revisionStore{}

// SaveMany stores revisions in one transaction.
func (s revisionStore) SaveMany(ctx context.Context, revisions []resource.Revision) error {
	sorted, err := placedAll(s.t, order.ByID(storage.ModelWrites{Revisions: revisions}).Revisions)
	if err != nil {
		return err
	}
	return s.f.write(ctx, "save revisions of model "+s.t.model+" in", func(t *tx) error {
		return t.saveRevisions(s.t, numbers{}, sorted)
	})
}

// Purge removes every revision of the resources.
func (s revisionStore) Purge(ctx context.Context, ids []resource.ID) error {
	return s.f.write(ctx, "purge revisions of model "+s.t.model+" in", func(t *tx) error { return t.purgeRevisions(s.t, ids) })
}
