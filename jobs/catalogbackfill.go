package jobs

import (
	"context"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Backfill fills the models one after another, when the actor may do so in all of
// them. Of all models those count that have rows to fill.
func (w *CatalogWork) Backfill(ctx context.Context, by Actor, b Backfill, progress func(storage.Progress)) (map[string]manager.BackfillStats, error) {
	all := make(map[string]manager.BackfillStats, len(b.Models))
	models, err := w.modelsToFill(ctx, b, all)
	if err != nil {
		return nil, err
	}
	total, err := w.toFill(ctx, b.What, models)
	if err != nil {
		return nil, err
	}
	catalog := w.as(by)
	for _, name := range models {
		if err := catalog.Ask(ctx, manager.Event{Action: manager.ActionMigrate, Model: name}); err != nil {
			return nil, err
		}
	}
	var done int64
	progress(storage.Progress{Total: total})
	o := manager.BackfillOptions{DryRun: b.DryRun, Pace: manager.NewPace(b.Rate)}
	listed := 0
	for _, name := range models {
		m, err := catalog.Open(ctx, name)
		if err != nil {
			return all, unknownModel(err)
		}
		before := done
		o.Progress = func(_ resource.ID, s manager.BackfillStats) {
			done = before + s.Rows()
			progress(storage.Progress{Done: done, Total: max(total, done)})
		}
		stats, err := fill(ctx, m, b.What, o)
		if err != nil {
			return all, err
		}
		stats.MissingIDs = stats.MissingIDs[:min(len(stats.MissingIDs), manager.MaxMissingIDs-listed)]
		listed += len(stats.MissingIDs)
		all[name] = stats
	}
	return all, nil
}

// fill does a kind of backfill.
func fill(ctx context.Context, m *manager.Manager, what string, o manager.BackfillOptions) (manager.BackfillStats, error) {
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
		s, err := m.Stats(ctx)
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
