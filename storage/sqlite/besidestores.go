package sqlite

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// fileStore writes metas outside of a unit of work: one transaction of their file.
type fileStore struct {
	fileReader
	file *metaFile
}

var _ storage.MetaStore = fileStore{}

// write runs fn while the file is locked.
func (s fileStore) write(ctx context.Context, doing string, fn func(*tx) error) error {
	return s.b.alone(ctx, s.doing(doing), func() error {
		t, err := s.file.lock(ctx)
		if err != nil {
			return err
		}
		err = fn(t)
		if err == nil {
			err = ctx.Err()
		}
		if code(err) != 0 {
			err = explain(s.file.path, s.doing(doing), err)
		}
		return s.file.finish(t, err)
	})
}

// SaveMany inserts or replaces metas in one transaction.
func (s fileStore) SaveMany(ctx context.Context, metas []resource.Meta) error {
	last := make(map[resource.ID]metaChange, len(metas))
	for _, m := range metas {
		if err := m.Check(); err != nil {
			return err
		}
		last[m.ResourceID] = metaChange{ID: m.ResourceID, New: m.Append(s.b.f.encoding(), nil)}
	}
	changes := make([]metaChange, 0, len(last))
	for _, id := range slices.Sorted(maps.Keys(last)) {
		changes = append(changes, last[id])
	}
	return s.write(ctx, "save metas", func(t *tx) error { return t.setFile(changes) })
}

// CompareAndSwap replaces each meta whose stored bytes are still Old.
func (s fileStore) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	for _, swap := range swaps {
		if err := swap.New.Check(); err != nil {
			return nil, err
		}
	}
	swapped := make([]bool, len(swaps))
	err := s.write(ctx, "replace metas", func(t *tx) error {
		for i, swap := range swaps {
			id := swap.New.ResourceID
			stored, err := t.stored([]resource.ID{id})
			if err != nil {
				return err
			}
			now, there := stored[id]
			if swapped[i] = there && bytes.Equal(now, swap.Old); !swapped[i] {
				continue
			}
			if err := t.setFile([]metaChange{{ID: id, New: swap.New.Append(s.b.f.encoding(), nil)}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return swapped, nil
}

// Delete removes the metas of ids.
func (s fileStore) Delete(ctx context.Context, ids []resource.ID) error {
	return s.write(ctx, "delete metas", func(t *tx) error {
		_, err := t.exec(`DELETE FROM resource_meta WHERE resource_id IN (SELECT value FROM json_each(?))`, jsonIDs(ids))
		return err
	})
}
