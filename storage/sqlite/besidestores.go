package sqlite

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// besideStore writes metas outside of a unit of work.
type besideStore struct {
	besideReader
	metas storage.ModelMetas
}

var _ storage.MetaStore = besideStore{}

// write makes the changes that work returns of the metas of ids as they are, and
// returns the ids of those that another program has changed meanwhile.
func (s besideStore) write(ctx context.Context, doing string, ids []resource.ID, work func(stored map[resource.ID][]byte) []storage.MetaChange) (left []resource.ID, err error) {
	err = s.b.alone(ctx, s.doing(doing), func() error {
		x, err := s.metas.Begin(ctx)
		if err != nil {
			return err
		}
		stored, err := x.Find(ids)
		if err != nil {
			return withUndone(err, x.Rollback())
		}
		changes := work(stored)
		if err = x.Set(changes); err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return withUndone(err, x.Rollback())
		}
		left, err = s.commit(ctx, s.doing(doing), x, changes)
		return err
	})
	return left, err
}

// commit makes prepared changes. Where the medium has no transactions and there are
// several, the ledger has them first: so they are made as a whole.
func (s besideStore) commit(ctx context.Context, doing string, x storage.MetaTx, changes []storage.MetaChange) ([]resource.ID, error) {
	if s.b.metas.Transactions() || len(changes) < 2 {
		return x.Commit()
	}
	err := s.b.commit(ctx, doing, func(t *tx) error {
		return t.addPending(kindUnit, []effect{{Model: s.model, Metas: changes}})
	})
	if err != nil {
		return nil, withUndone(err, x.Rollback())
	}
	left, err := x.Commit()
	if err != nil {
		return nil, nil // who reads or writes next does it
	}
	_ = s.b.note(context.WithoutCancel(ctx), doing, func(t *tx) error { return t.dropPending(kindUnit) }) // else it is found done
	return left, nil
}

// SaveMany inserts or replaces metas as a whole.
func (s besideStore) SaveMany(ctx context.Context, metas []resource.Meta) error {
	last := make(map[resource.ID][]byte, len(metas))
	for _, m := range metas {
		if err := m.Check(); err != nil {
			return err
		}
		last[m.ResourceID] = m.Append(s.b.f.encoding(), nil)
	}
	ids := slices.Sorted(maps.Keys(last))
	_, err := s.write(ctx, "save metas", ids, func(stored map[resource.ID][]byte) []storage.MetaChange {
		changes := make([]storage.MetaChange, len(ids))
		for i, id := range ids {
			changes[i] = storage.MetaChange{ID: id, Old: stored[id], New: last[id]}
		}
		return changes
	})
	return err
}

// CompareAndSwap replaces each meta whose stored bytes are still Old.
func (s besideStore) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	ids := make([]resource.ID, len(swaps))
	for i, swap := range swaps {
		if err := swap.New.Check(); err != nil {
			return nil, err
		}
		ids[i] = swap.New.ResourceID
	}
	swapped := make([]bool, len(swaps))
	left, err := s.write(ctx, "replace metas", ids, func(stored map[resource.ID][]byte) []storage.MetaChange {
		last := map[resource.ID]storage.MetaChange{}
		for i, swap := range swaps {
			now, there := stored[ids[i]]
			if c, ok := last[ids[i]]; ok {
				now = c.New
			}
			if swapped[i] = there && bytes.Equal(now, swap.Old); swapped[i] {
				last[ids[i]] = storage.MetaChange{ID: ids[i], Old: stored[ids[i]], New: swap.New.Append(s.b.f.encoding(), nil)}
			}
		}
		return sortedChanges(last)
	})
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		swapped[i] = swapped[i] && !slices.Contains(left, id)
	}
	return swapped, nil
}

// sortedChanges returns changes by ascending id.
func sortedChanges(changes map[resource.ID]storage.MetaChange) []storage.MetaChange {
	list := make([]storage.MetaChange, 0, len(changes))
	for _, id := range slices.Sorted(maps.Keys(changes)) {
		list = append(list, changes[id])
	}
	return list
}

// Delete removes the metas of ids.
func (s besideStore) Delete(ctx context.Context, ids []resource.ID) error {
	_, err := s.write(ctx, "delete metas", ids, func(stored map[resource.ID][]byte) []storage.MetaChange {
		changes := make([]storage.MetaChange, 0, len(stored))
		for _, id := range slices.Sorted(maps.Keys(stored)) {
			changes = append(changes, storage.MetaChange{ID: id, Old: stored[id]})
		}
		return changes
	})
	return err
}
