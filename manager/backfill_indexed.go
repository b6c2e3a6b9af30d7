package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// BackfillIndexedData brings the indexed data of all metas, deleted ones too, up
// to date with the paths that are known of the model: a path that was declared
// later has no values in rows that were written before, until their next write.
// Nothing but the indexed data changes. A page of rows is read and worked out
// without locks; those that change are then written as one unit of work, which
// works out again what was written meanwhile.
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
		stats, err = m.backfillIndexedData(ctx, o)
		return err
	})
	return stats, err
}

func (m *Manager) backfillIndexedData(ctx context.Context, o BackfillOptions) (BackfillStats, error) {
	model := m.Info()
	f, err := m.formOf(model)
	if err != nil {
		return BackfillStats{}, err
	}
	x := indexer{manager: m, model: model, form: f}
	after := o.After
	for {
		page, err := m.metasBehind(ctx, after)
		if err == nil && len(page) == 0 {
			return x.stats, nil
		}
		if err == nil {
			err = x.page(ctx, page)
		}
		if err != nil {
			return x.stats, fmt.Errorf("backfill model %s behind %q: %w", m.name, after, err)
		}
		after = page[len(page)-1].ResourceID
		if o.Progress != nil {
			o.Progress(after, x.stats)
		}
	}
}

// metasBehind returns a page of metas by ascending id.
func (m *Manager) metasBehind(ctx context.Context, after resource.ID) ([]resource.Meta, error) {
	q := qb.Query{Limit: opt.Of(m.catalog.opts.BatchSize)}
	if after != "" {
		q.Where = qb.ResourceID().Gt(after)
	}
	var page []resource.Meta
	for meta, err := range m.stores.Metas.Search(ctx, q) {
		if err != nil {
			return nil, err
		}
		page = append(page, meta)
	}
	return page, nil
}

// indexer brings indexed data up to date.
type indexer struct {
	manager *Manager
	model   storage.ModelInfo
	form    *form
	stats   BackfillStats
}

// page treats the rows of a page.
func (x *indexer) page(ctx context.Context, page []resource.Meta) error {
	var stale []resource.Meta
	for _, meta := range page {
		rev, err := x.manager.stores.Revisions.Get(ctx, currentKey(meta))
		switch right, err := x.right(meta, rev.Data, err); {
		case errors.Is(err, storage.ErrNotFound):
			x.missing(meta.ResourceID)
		case err != nil:
			return err
		case right:
			x.stats.Unchanged++
		default:
			stale = append(stale, meta)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	return x.write(ctx, stale)
}

func (x *indexer) missing(id resource.ID) {
	x.stats = x.stats.Add(BackfillStats{Missing: 1, MissingIDs: []resource.ID{id}})
}

// right reports whether a meta has the indexed data of its payload; readErr is
// what reading the payload gave.
func (x *indexer) right(meta resource.Meta, p []byte, readErr error) (bool, error) {
	if readErr != nil {
		return false, readErr
	}
	indexed, err := x.values(meta, p)
	// A payload that cannot be indexed stays as it is.
	return err != nil || indexed == meta.IndexedData, nil
}

// values returns the indexed data of a payload.
func (x *indexer) values(meta resource.Meta, p []byte) (opt.Value[resource.Indexed], error) {
	paths := x.model.IndexedPaths
	if before, ok := meta.IndexedData.Get(); ok {
		paths = unionPaths(paths, before)
	}
	if len(paths) == 0 && (x.form.model == nil || !x.form.model.Typed()) {
		return meta.IndexedData, nil
	}
	return x.form.valuesAt(paths, p)
}

// write writes rows that are stale, as one unit of work, by what they are then.
func (x *indexer) write(ctx context.Context, stale []resource.Meta) error {
	name := x.model.Name
	batch := storage.Batch{Serial: serial(x.model)}
	for _, meta := range stale {
		batch.Refs = append(batch.Refs, storage.Ref{Model: name, ID: meta.ResourceID})
	}
	before := x.stats
	return x.manager.catalog.factory.Unit().Update(ctx, batch, func(v storage.View) (storage.Writes, error) {
		x.stats = before // it may be done again
		var metas []resource.Meta
		for _, ref := range batch.Refs {
			meta, ok := v.Meta(ref)
			if !ok { // purged meanwhile
				x.stats.Unchanged++
				continue
			}
			p, err := v.Data(name, currentKey(meta))
			switch right, err := x.right(meta, p, err); {
			case errors.Is(err, storage.ErrNotFound):
				x.missing(ref.ID)
			case err != nil:
				return storage.Writes{}, err
			case right:
				x.stats.Unchanged++
			default:
				meta.IndexedData, _ = x.values(meta, p) // as right found them
				metas = append(metas, meta)
				x.stats.Updated++
			}
		}
		if len(metas) == 0 {
			return storage.Writes{}, nil
		}
		return storage.Writes{Models: map[string]storage.ModelWrites{name: {Metas: metas}}}, nil
	})
}
