package manager

import (
	"context"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// BackfillIndexedData brings the indexed data of all metas, deleted ones too, up
// to date with the paths that are known of the model: a path that was declared
// later has no values in rows that were written before, until their next write.
// Nothing but the indexed data changes. It takes no locks, as
// [Manager.BackfillRevisionMeta]; payloads are read some hundred at once.
//
// Unique values are not checked: they are in the payloads whatever their index says, and
// a resource without its values would not be found. [Catalog.Verify] reports equal ones.
//
// Of the counts, Updated are rows whose values changed, Missing those whose
// current revision is nowhere, and Unchanged those that were right already or
// whose payload cannot be indexed. On an error the counts so far are returned
// with it; a second run may continue behind the last id that Progress was told.
func (m *Manager) BackfillIndexedData(ctx context.Context, o BackfillOptions) (stats BackfillStats, err error) {
	err = m.catalog.watchedModels(ctx, ActionMigrate, []string{m.name}, nil, func() (err error) {
		model := m.Info()
		form, err := m.formOf(model)
		if err == nil {
			stats, err = m.backfill(ctx, indexFiller{stores: m.stores, model: model, form: form}, o)
		}
		return err
	})
	return stats, err
}

// indexFiller brings indexed data up to date.
type indexFiller struct {
	stores storage.Stores
	model  storage.ModelInfo
	form   *form
}

func (f indexFiller) read(ctx context.Context, in storage.Range, limit int) ([]storage.Unfilled, error) {
	rows, err := f.stores.Metas.Rows(ctx, in, limit)
	page := make([]storage.Unfilled, len(rows))
	for i, row := range rows {
		page[i].Row = row
	}
	return page, err
}

func (f indexFiller) fill(ctx context.Context, page []storage.Unfilled) ([]filling, error) {
	keys := make([]resource.RevisionKey, len(page))
	for i, u := range page {
		keys[i] = currentKey(u.Meta)
	}
	list := make([]filling, 0, len(page))
	for revisions, err := range revisionsOf(ctx, f.stores.Revisions, keys) {
		if err != nil {
			return nil, err
		}
		for _, r := range revisions {
			list = append(list, f.filling(page[len(list)].Row, r))
		}
	}
	return list, nil
}

// filling returns what becomes of a row with a revision, unset when that is nowhere.
func (f indexFiller) filling(row storage.Row, current opt.Value[resource.Revision]) filling {
	out := filling{Row: row, becomes: becomesMissing}
	revision, ok := current.Get()
	if !ok {
		return out
	}
	indexed, err := f.values(row.Meta, revision.Data)
	if err != nil || indexed == row.Meta.IndexedData {
		out.becomes = becomesUnchanged // also what cannot be indexed
		return out
	}
	out.becomes, out.new = becomesNew, row.Meta
	out.new.IndexedData = indexed
	return out
}

// values returns the indexed data of a payload.
func (f indexFiller) values(meta resource.Meta, p []byte) (opt.Value[resource.Indexed], error) {
	paths := f.model.IndexedPaths
	if before, ok := meta.IndexedData.Get(); ok {
		paths = unionPaths(paths, before)
	}
	if len(paths) == 0 && (f.form.model == nil || !f.form.model.Typed()) {
		return meta.IndexedData, nil
	}
	return f.form.valuesAt(paths, p)
}
