package sqlite

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaStore writes metas outside a unit of work.
type metaStore struct{ metaReader }

// revisionStore writes revisions outside a unit of work.
type revisionStore struct{ revisionReader }

// do runs a write transaction; a read-only factory refuses.
func (f *Factory) do(ctx context.Context, doing string, fn func(*tx) error) error {
	if f.readOnly {
		return fmt.Errorf("%s %s: %w", doing, f.path, errReadOnly)
	}
	if f.beside != nil {
		return f.beside.commit(ctx, doing, fn)
	}
	return f.write.do(ctx, doing, fn)
}

// SaveMany inserts or replaces metas in one transaction.
func (s metaStore) SaveMany(ctx context.Context, metas []resource.Meta) error {
	return s.f.do(ctx, s.doing("save metas"), func(t *tx) error { return t.saveMetas(s.t, s.f.encoding(), metas) })
}

// saveMetas inserts or replaces metas.
func (t *tx) saveMetas(names tables, enc resource.Encoding, metas []resource.Meta) error {
	rows, err := encodeMetas(enc, metas)()
	if err != nil {
		return err
	}
	return t.saveMetaRows(names, rows)
}

// saveMetaRows inserts or replaces metas, each given as its column values.
func (t *tx) saveMetaRows(names tables, rows [][]any) error {
	query := names.upsertMeta()
	for _, row := range rows {
		if err := t.check(); err != nil {
			return err
		}
		if _, err := t.exec(query, row...); err != nil {
			return err
		}
	}
	return nil
}

// CompareAndSwap replaces each meta whose stored bytes are still Old.
func (s metaStore) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	swapped := make([]bool, len(swaps))
	err := s.f.do(ctx, s.doing("replace metas"), func(t *tx) error {
		query := s.t.swapMeta()
		for i, swap := range swaps {
			if err := t.check(); err != nil {
				return err
			}
			args, err := swapArgs(s.f.encoding(), swap)
			if err != nil {
				return err
			}
			n, err := t.exec(query, args...)
			if err != nil {
				return err
			}
			swapped[i] = n == 1
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return swapped, nil
}

// Delete removes the metas of ids.
func (s metaStore) Delete(ctx context.Context, ids []resource.ID) error {
	return s.f.do(ctx, s.doing("delete metas"), func(t *tx) error { return t.deleteMetas(s.t, ids) })
}

func (t *tx) deleteMetas(names tables, ids []resource.ID) error {
	_, err := t.exec(`DELETE FROM `+names.meta+` WHERE resource_id IN (SELECT value FROM json_each(?))`, jsonIDs(ids))
	return err
}

// SaveMany stores revisions in one transaction.
func (s revisionStore) SaveMany(ctx context.Context, revisions []resource.Revision) error {
	return s.f.do(ctx, "save revisions of model "+s.t.model+" in", func(t *tx) error {
		return t.saveRevisions(s.t, s.f.encoding(), nil, revisions)
	})
}

// Purge removes every revision of the resources.
func (s revisionStore) Purge(ctx context.Context, ids []resource.ID) error {
	return s.f.do(ctx, "purge revisions of model "+s.t.model+" in", func(t *tx) error { return t.purgeRevisions(s.t, ids) })
}

func (t *tx) purgeRevisions(names tables, ids []resource.ID) error {
	list := jsonIDs(ids)
	_, err := t.exec(`DELETE FROM `+names.data+` WHERE id IN (SELECT data_id FROM `+names.index+` WHERE resource_id IN (SELECT value FROM json_each(?)))`, list)
	if err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM `+names.index+` WHERE resource_id IN (SELECT value FROM json_each(?))`, list)
	return err
}

// purge removes resources with all their revisions.
func (t *tx) purge(names tables, ids []resource.ID) error {
	if err := t.purgeRevisions(names, ids); err != nil {
		return err
	}
	return t.deleteMetas(names, ids)
}
