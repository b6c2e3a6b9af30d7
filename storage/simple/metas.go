package simple

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

type metaReader struct{ reader }

func (r metaReader) Get(ctx context.Context, id resource.ID) (resource.Meta, error) {
	m, err := r.model(ctx)
	if err != nil {
		return resource.Meta{}, err
	}
	row, ok := m.Metas[id]
	if !ok {
		return resource.Meta{}, fmt.Errorf("meta of %s: %w", id, storage.ErrNotFound)
	}
	return row.Meta, nil
}

func (r metaReader) GetMany(ctx context.Context, ids []resource.ID) ([]resource.Meta, error) {
	m, err := r.model(ctx)
	if err != nil {
		return nil, err
	}
	var found []resource.Meta
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if row, ok := m.Metas[id]; ok {
			found = append(found, row.Meta)
		}
	}
	return found, nil
}

func (r metaReader) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	return Each(ctx, func() ([]resource.Meta, error) {
		m, err := r.model(ctx)
		if err != nil {
			return nil, err
		}
		all := make([]resource.Meta, 0, len(m.Metas))
		for _, id := range m.ids() {
			all = append(all, m.Metas[id].Meta)
		}
		return all, nil
	})
}

func (m *Model) ids() []resource.ID { return slices.Sorted(maps.Keys(m.Metas)) }

func (r metaReader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return qb.Select(r.All(ctx), q)
}

func (r metaReader) Count(ctx context.Context, q qb.Query) (int64, error) {
	return Count(r.All(ctx), q)
}

func (r metaReader) CountBy(ctx context.Context, q qb.Query, by qb.Grouping, limit int) (qb.Counts, error) {
	return qb.CountBy(r.All(ctx), q, by, limit)
}

// rows returns the first rows of a range that are wanted.
func (m *Model) rows(in storage.Range, limit int, wanted func(resource.Meta) bool) []storage.Row {
	var page []storage.Row
	for _, id := range m.ids() {
		if row := m.Metas[id]; in.Holds(id) && wanted(row.Meta) && len(page) < limit {
			page = append(page, storage.Row{Meta: row.Meta, Stored: bytes.Clone(row.Stored)})
		}
	}
	return page
}

func anyMeta(resource.Meta) bool { return true }

func lacksRev(m resource.Meta) bool { return !m.Rev.Complete() }

func (r metaReader) Rows(ctx context.Context, in storage.Range, limit int) ([]storage.Row, error) {
	m, err := r.model(ctx)
	if err != nil {
		return nil, err
	}
	return m.rows(in, limit, anyMeta), nil
}

func (r metaReader) Unfilled(ctx context.Context, in storage.Range, limit int) ([]storage.Unfilled, error) {
	m, err := r.model(ctx)
	if err != nil {
		return nil, err
	}
	var page []storage.Unfilled
	for _, row := range m.rows(in, limit, lacksRev) {
		page = append(page, storage.Unfilled{Row: row, Current: m.current(row.Meta)})
	}
	return page, nil
}

func (r metaReader) Cuts(ctx context.Context, rows int, unfilled bool) ([]resource.ID, error) {
	m, err := r.model(ctx)
	if err != nil {
		return nil, err
	}
	wanted := anyMeta
	if unfilled {
		wanted = lacksRev
	}
	var cuts []resource.ID
	for i, row := range m.rows(storage.Range{}, len(m.Metas), wanted) {
		if (i+1)%rows == 0 {
			cuts = append(cuts, row.Meta.ResourceID)
		}
	}
	return cuts, nil
}

// current returns the info of a meta's current revision.
func (m *Model) current(meta resource.Meta) opt.Value[resource.RevisionInfo] {
	r, err := m.revision(resource.RevisionKey{
		Resource: meta.ResourceID, Revision: meta.CurrentRevisionID, SchemaVersion: meta.SchemaVersion,
	})
	if err != nil {
		return opt.Value[resource.RevisionInfo]{}
	}
	return opt.Of(r.Info)
}

func (r metaReader) Stats(ctx context.Context) (storage.Stats, error) {
	m, err := r.model(ctx)
	if err != nil {
		return storage.Stats{}, err
	}
	stats := storage.Stats{Metas: int64(len(m.Metas))}
	for _, row := range m.Metas {
		if !row.Rev.Complete() {
			stats.UnsetRev++
		}
	}
	return stats, nil
}

func (r metaReader) Blobs(ctx context.Context) iter.Seq2[string, error] {
	return Each(ctx, func() ([]string, error) {
		m, err := r.model(ctx)
		if err != nil {
			return nil, err
		}
		return slices.Sorted(maps.Keys(m.Blobs)), nil
	})
}

type metas struct {
	metaReader
	s *Store
}

func (ms metas) SaveMany(ctx context.Context, all []resource.Meta) error {
	return ms.s.save(ctx, ms.name, storage.ModelWrites{Metas: all})
}

func (ms metas) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	return change(ctx, ms.s, func(st *State) ([]bool, error) {
		m, err := st.model(ms.name)
		if err != nil {
			return nil, err
		}
		done := make([]bool, len(swaps))
		for i, sw := range swaps {
			row, err := encodeMeta(sw.New)
			if err != nil {
				return nil, err
			}
			if now, there := m.Metas[row.ResourceID]; there && bytes.Equal(now.Stored, sw.Old) {
				m.Metas[row.ResourceID] = row
				done[i] = true
			}
		}
		return done, nil
	})
}

func (ms metas) Delete(ctx context.Context, ids []resource.ID) error {
	return ms.s.tx.Write(ctx, func(st *State) error {
		m, err := st.model(ms.name)
		if err != nil {
			return err
		}
		for _, id := range ids {
			delete(m.Metas, id)
		}
		return nil
	})
}
