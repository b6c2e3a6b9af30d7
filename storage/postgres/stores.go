package postgres

import (
	"bytes"
	"context"
	"errors"
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
			row, there := stored[swap.New.ResourceID]
			swapped[i] = there && bytes.Equal(row.data, swap.Old)
			if swapped[i] {
				row.data = dataOf(rows[i])
				stored[swap.New.ResourceID] = row
				kept = append(kept, rows[i])
			}
		}
		return errors.Join(t.changeMetas(s.t, lastOf(kept), func(id resource.ID) version { return stored[id].version }), t.flush())
	})
	if err != nil {
		return nil, err
	}
	return swapped, nil
}

// storedMeta is a row that is locked.
type storedMeta struct {
	data    []byte
	version version
}

// lockStored locks the rows of metas and returns those that are there.
func (t *tx) lockStored(names tables, metas []resource.Meta) (map[resource.ID]storedMeta, error) {
	ids := make([]resource.ID, len(metas))
	for i := range metas {
		ids[i] = metas[i].ResourceID
	}
	slices.Sort(ids)
	stored := make(map[resource.ID]storedMeta, len(ids))
	err := t.each(`SELECT data, ctid, xmin, resource_id FROM `+names.meta+` WHERE resource_id = ANY($1) ORDER BY resource_id COLLATE "C" FOR UPDATE`,
		[]any{texts(slices.Compact(ids))}, func(rows pgx.Rows) error {
			data, row, err := scanVersion(rows, new(string))
			id := resource.ID(rows.RawValues()[3]) // a text is the same in either format
			stored[id] = storedMeta{bytes.Clone(data), row}
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
