package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

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

// CompareAndSwap replaces each meta whose stored bytes are still Old: the rows are
// locked in the order of their ids, compared, and replaced.
func (s metaStore) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	swapped := make([]bool, len(swaps))
	if len(swaps) == 0 {
		return swapped, ctx.Err()
	}
	metas := make([]resource.Meta, len(swaps))
	for i, swap := range swaps {
		metas[i] = swap.New
	}
	rows, err := s.f.encodeMetas(s.t, metas)
	if err != nil {
		return nil, err
	}
	err = s.f.write(ctx, s.doing("replace metas"), func(t *tx) error {
		stored, err := t.lockStored(s.t, metas)
		if err != nil {
			return err
		}
		var kept []metaRow
		for i, swap := range swaps { // one after another, as if each were alone
			id := swap.New.ResourceID
			swapped[i] = string(stored[id]) == string(swap.Old) && stored[id] != nil
			if swapped[i] {
				stored[id] = dataOf(rows[i])
				kept = append(kept, rows[i])
			}
		}
		return t.upsertMetas(s.t, lastOf(kept))
	})
	if err != nil {
		return nil, err
	}
	return swapped, nil
}

// lockStored locks the rows of metas and returns their stored bytes.
func (t *tx) lockStored(names tables, metas []resource.Meta) (map[resource.ID][]byte, error) {
	ids := make([]resource.ID, len(metas))
	for i := range metas {
		ids[i] = metas[i].ResourceID
	}
	slices.Sort(ids)
	stored := make(map[resource.ID][]byte, len(ids))
	err := t.each(`SELECT resource_id, data FROM `+names.meta+` WHERE resource_id = ANY($1) ORDER BY resource_id COLLATE "C" FOR UPDATE`,
		[]any{texts(slices.Compact(ids))}, func(rows pgx.Rows) error {
			var id string
			var data []byte
			err := rows.Scan(&id, &data)
			stored[resource.ID(id)] = data
			return err
		})
	return stored, err
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
