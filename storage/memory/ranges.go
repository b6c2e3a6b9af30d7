package memory

import (
	"bytes"
	"context"
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// idsIn returns the ids of those metas of a range that are wanted, ascending.
func (m *model) idsIn(r storage.Range, wanted func(resource.Meta) bool) []resource.ID {
	var ids []resource.ID
	for id, row := range m.metas {
		if r.Holds(id) && wanted(row.meta) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func anyMeta(resource.Meta) bool { return true }

func lacksRev(m resource.Meta) bool { return !m.Rev.Complete() }

// page returns the first rows of a range that are wanted.
func (m *model) page(r storage.Range, limit int, wanted func(resource.Meta) bool) []storage.Row {
	ids := m.idsIn(r, wanted)
	page := make([]storage.Row, min(max(limit, 0), len(ids)))
	for i := range page {
		row := m.metas[ids[i]]
		page[i] = storage.Row{Meta: row.meta, Stored: bytes.Clone(row.stored)}
	}
	return page
}

func (r metaReader) Rows(ctx context.Context, in storage.Range, limit int) (page []storage.Row, err error) {
	err = r.look(ctx, func(m *model) error {
		page = m.page(in, limit, anyMeta)
		return nil
	})
	return page, err
}

func (r metaReader) Unfilled(ctx context.Context, in storage.Range, limit int) (page []storage.Unfilled, err error) {
	err = r.look(ctx, func(m *model) error {
		for _, row := range m.page(in, limit, lacksRev) {
			page = append(page, storage.Unfilled{Row: row, Current: m.current(row.Meta)})
		}
		return nil
	})
	return page, err
}

func (r metaReader) Cuts(ctx context.Context, rows int, unfilled bool) (cuts []resource.ID, err error) {
	wanted := anyMeta
	if unfilled {
		wanted = lacksRev
	}
	err = r.look(ctx, func(m *model) error {
		ids := m.idsIn(storage.Range{}, wanted)
		for at := rows; at <= len(ids); at += rows {
			cuts = append(cuts, ids[at-1])
		}
		return nil
	})
	return cuts, err
}

// current returns the info of a meta's current revision.
func (m *model) current(meta resource.Meta) opt.Value[resource.RevisionInfo] {
	revs := m.revs[meta.ResourceID]
	i, ok := find(revs, resource.RevisionKey{
		Resource: meta.ResourceID, Revision: meta.CurrentRevisionID, SchemaVersion: meta.SchemaVersion,
	})
	if !ok {
		return opt.Value[resource.RevisionInfo]{}
	}
	return opt.Of(revs[i].Info)
}
