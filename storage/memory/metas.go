package memory

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaReader reads the metas of one model.
type metaReader struct{ source }

func (r metaReader) Get(ctx context.Context, id resource.ID) (resource.Meta, error) {
	var meta resource.Meta
	err := r.look(ctx, func(m *model) error {
		row, ok := m.metas[id]
		if !ok {
			return fmt.Errorf("meta of %s: %w", id, storage.ErrNotFound)
		}
		meta = row.meta
		return nil
	})
	return meta, err
}

func (r metaReader) GetMany(ctx context.Context, ids []resource.ID) ([]resource.Meta, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	metas := make([]resource.Meta, 0, len(ids))
	err := r.look(ctx, func(m *model) error {
		for _, id := range ids {
			if row, ok := m.metas[id]; ok {
				metas = append(metas, row.meta)
			}
		}
		return nil
	})
	return metas, err
}

func (r metaReader) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	return yieldEach(ctx, func() ([]resource.ID, func(resource.ID) resource.Meta, error) {
		m, err := r.freeze(ctx)
		if err != nil {
			return nil, nil, err
		}
		return m.ids(), func(id resource.ID) resource.Meta { return m.metas[id].meta }, nil
	})
}

func (r metaReader) Blobs(ctx context.Context) iter.Seq2[string, error] {
	return yieldEach(ctx, func() ([]string, func(string) string, error) {
		m, err := r.freeze(ctx)
		if err != nil {
			return nil, nil, err
		}
		return slices.Sorted(maps.Keys(m.blobs)), func(id string) string { return id }, nil
	})
}

// yieldEach yields the values of the keys that begin returns, and looks at the
// context between them.
func yieldEach[K, V any](ctx context.Context, begin func() ([]K, func(K) V, error)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var zero V
		keys, value, err := begin()
		if err != nil {
			yield(zero, err)
			return
		}
		for _, k := range keys {
			if err := ctx.Err(); err != nil {
				yield(zero, err)
				return
			}
			if !yield(value(k), nil) {
				return
			}
		}
	}
}

func (r metaReader) Stats(ctx context.Context) (storage.Stats, error) {
	var st storage.Stats
	err := r.look(ctx, func(m *model) error {
		st.Metas = int64(len(m.metas))
		for _, row := range m.metas {
			if !row.meta.Rev.Complete() {
				st.UnsetRev++
			}
		}
		return nil
	})
	return st, err
}

// metaStore also writes them.
type metaStore struct{ metaReader }

func (s metaStore) SaveMany(ctx context.Context, metas []resource.Meta) error {
	rows, err := encodeMetas(metas)
	if err != nil {
		return fmt.Errorf("save metas of %s: %w", s.name, err)
	}
	return s.f.write(ctx, func(st *state) error {
		if err := st.has(s.name); err != nil {
			return err
		}
		encoded{metas: rows}.apply(st.change(s.name))
		return nil
	})
}

func (s metaStore) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	rows := make([]metaRow, len(swaps))
	for i, sw := range swaps {
		row, err := encodeMeta(sw.New)
		if err != nil {
			return nil, fmt.Errorf("swap metas of %s: %w", s.name, err)
		}
		rows[i] = row
	}
	done := make([]bool, len(swaps))
	err := s.f.write(ctx, func(st *state) error {
		if err := st.has(s.name); err != nil {
			return err
		}
		m := st.change(s.name)
		for i, row := range rows {
			id := row.meta.ResourceID
			if now, ok := m.metas[id]; ok && bytes.Equal(now.stored, swaps[i].Old) {
				m.metas[id] = row
				done[i] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

func (s metaStore) Delete(ctx context.Context, ids []resource.ID) error {
	return s.f.write(ctx, func(st *state) error {
		if err := st.has(s.name); err != nil {
			return err
		}
		m := st.change(s.name)
		for _, id := range ids {
			delete(m.metas, id)
		}
		return nil
	})
}
