package jobs

import (
	"context"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Backfill fills the models one after another, when the actor may do so in all of
// them. Of all models those count that have rows to fill.
func (w *CatalogWork) Backfill(ctx context.Context, by Actor, b Backfill, progress func(storage.Progress)) (map[string]manager.BackfillStats, error) {
	f, err := w.filling(ctx, by, b)
	if err != nil {
		return nil, err
	}
	return f.run(ctx, progress)
}

// filling is a backfill that may be done.
type filling struct {
	Backfill
	catalog *manager.Catalog // the actor's
	models  []string         // with rows to fill, or named
	total   int64            // rows that are looked at
	// stats have a place for each model that the outcome tells of.
	stats map[string]manager.BackfillStats
}

// filling looks what there is to fill, and refuses an actor who may not fill it.
func (w *CatalogWork) filling(ctx context.Context, by Actor, b Backfill) (*filling, error) {
	f := &filling{Backfill: b, catalog: w.as(by), stats: make(map[string]manager.BackfillStats, len(b.Models))}
	var err error
	if f.models, err = w.modelsToFill(ctx, b, f.stats); err != nil {
		return nil, err
	}
	if f.total, err = w.toFill(ctx, b.What, f.models); err != nil {
		return nil, err
	}
	for _, name := range f.models {
		if err := f.catalog.Ask(ctx, manager.Event{Action: manager.ActionMigrate, Model: name}); err != nil {
			return nil, err
		}
		f.stats[name] = manager.BackfillStats{}
	}
	return f, nil
}

// run fills the models one after another.
func (f *filling) run(ctx context.Context, progress func(storage.Progress)) (map[string]manager.BackfillStats, error) {
	var done int64
	progress(storage.Progress{Total: f.total})
	o := manager.BackfillOptions{DryRun: f.DryRun, Pace: manager.NewPace(f.Rate)}
	for _, name := range f.models {
		before := done
		o.Progress = func(_ resource.ID, s manager.BackfillStats) {
			done = before + s.Rows()
			progress(storage.Progress{Done: done, Total: max(f.total, done)})
		}
		stats, err := fill(ctx, f.catalog, name, f.What, o)
		if err != nil {
			return nil, err
		}
		f.stats[name] = stats
	}
	return listedIDs(f.stats), nil
}

// listedIDs has so few ids listed, of all models together, as the ledger takes.
func listedIDs(all map[string]manager.BackfillStats) map[string]manager.BackfillStats {
	room := manager.MaxMissingIDs
	for _, name := range slices.Sorted(maps.Keys(all)) {
		stats := all[name]
		stats.MissingIDs = stats.MissingIDs[:min(len(stats.MissingIDs), room)]
		room -= len(stats.MissingIDs)
		all[name] = stats
	}
	return all
}

// fill does a kind of backfill of one model.
func fill(ctx context.Context, c *manager.Catalog, model, what string, o manager.BackfillOptions) (manager.BackfillStats, error) {
	m, err := c.Open(ctx, model)
	if err != nil {
		return manager.BackfillStats{}, unknownModel(err)
	}
	if what == IndexedData {
		return m.BackfillIndexedData(ctx, o)
	}
	return m.BackfillRevisionMeta(ctx, o)
}

// modelsToFill returns the models that a backfill is about. Of all models, which get
// their places in all, these are those with rows to fill.
func (w *CatalogWork) modelsToFill(ctx context.Context, b Backfill, all map[string]manager.BackfillStats) ([]string, error) {
	if len(b.Models) > 0 {
		return b.Models, nil
	}
	names, err := w.names(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		all[name] = manager.BackfillStats{}
	}
	return w.fillable(ctx, b.What, names)
}

// toFill counts the rows that a backfill looks at.
func (w *CatalogWork) toFill(ctx context.Context, what string, models []string) (total int64, err error) {
	for _, name := range models {
		m, err := w.Catalog.Unguarded().Open(ctx, name)
		if err != nil {
			return 0, unknownModel(err)
		}
		s, err := m.MetaStats(ctx)
		if err != nil {
			return 0, err
		}
		if what == IndexedData {
			total += s.Metas
		} else {
			total += s.UnsetRev
		}
	}
	return total, nil
}

// fillable returns those of the models that have rows which a backfill looks at.
func (w *CatalogWork) fillable(ctx context.Context, what string, names []string) ([]string, error) {
	var found []string
	for _, name := range names {
		total, err := w.toFill(ctx, what, []string{name})
		if err != nil {
			return nil, err
		}
		if total > 0 {
			found = append(found, name)
		}
	}
	return found, nil
}
