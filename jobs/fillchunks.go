package jobs

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// planBackfill plans a backfill, or does it when it is not worth dividing.
func (w *CatalogWork) planBackfill(ctx context.Context, by Actor, b Backfill, progress func(storage.Progress)) (*storage.Plan, []byte, error) {
	f, err := w.filling(ctx, by, b)
	if err != nil {
		return nil, nil, err
	}
	if !w.divisible(f.total, b.Going) {
		stats, err := f.run(ctx, progress)
		if err != nil {
			return nil, nil, err
		}
		outcome, err := json.Marshal(BackfillOutcome{Models: stats, DryRun: b.DryRun})
		return nil, outcome, err
	}
	p := rangePlan{Models: slices.Sorted(maps.Keys(f.stats))}
	if err := p.cut(ctx, f.catalog, f.models, chunkRows(f.total), b.What != IndexedData); err != nil {
		return nil, nil, err
	}
	stored, err := p.stored(f.total)
	return stored, nil, err
}

// openBackfill reads the plan of a backfill.
func (w *CatalogWork) openBackfill(by Actor, b Backfill, stored storage.Plan) (Chunks, error) {
	p, err := readRangePlan(stored)
	if err != nil {
		return nil, err
	}
	catalog, pace := w.as(by), manager.NewPace(b.Rate)
	return &rangeChunks{
		catalog: catalog, plan: p, total: stored.Total,
		work: func(ctx context.Context, r modelRange) (manager.ChunkOutcome, error) {
			s, err := fill(ctx, catalog, r.Model, b.What, manager.BackfillOptions{Range: r.Range, DryRun: b.DryRun, Pace: pace})
			return manager.ChunkOutcome{Filled: map[string]manager.BackfillStats{r.Model: s}, Units: s.Rows()}, err
		},
		sum: func(models []string, chunks []manager.ChunkOutcome) any {
			all := make(map[string]manager.BackfillStats, len(models))
			for _, name := range models {
				all[name] = manager.BackfillStats{}
			}
			for _, ch := range chunks {
				for name, s := range ch.Filled {
					all[name] = all[name].Add(s)
				}
			}
			return BackfillOutcome{Models: listedIDs(all), DryRun: b.DryRun}
		},
	}, nil
}

// planMigrate plans a migration, or does it when it is not worth dividing.
func (w *CatalogWork) planMigrate(ctx context.Context, by Actor, m Migrate, progress func(storage.Progress)) (*storage.Plan, []byte, error) {
	g, err := w.migrating(ctx, by, m)
	if err != nil {
		return nil, nil, err
	}
	if !w.divisible(g.rows, m.Going) {
		stats, err := g.run(ctx, progress)
		if err != nil {
			return nil, nil, err
		}
		outcome, err := json.Marshal(MigrateOutcome{Models: stats, DryRun: m.DryRun})
		return nil, outcome, err
	}
	p := rangePlan{Models: g.models}
	if err := p.cut(ctx, g.catalog, g.models, chunkRows(g.rows), false); err != nil {
		return nil, nil, err
	}
	stored, err := p.stored(g.total)
	return stored, nil, err
}

// openMigrate reads the plan of a migration.
func (w *CatalogWork) openMigrate(by Actor, m Migrate, stored storage.Plan) (Chunks, error) {
	p, err := readRangePlan(stored)
	if err != nil {
		return nil, err
	}
	g := &migrating{Migrate: m, by: by, catalog: w.as(by)}
	options := g.options()
	return &rangeChunks{
		catalog: g.catalog, plan: p, total: stored.Total,
		work: func(ctx context.Context, r modelRange) (manager.ChunkOutcome, error) {
			o := options
			o.Range = r.Range
			s, err := migrate(ctx, g.catalog, r.Model, o)
			s.Failures = listable(s.Failures, len(s.Failures))
			return manager.ChunkOutcome{Migrated: map[string]manager.MigrateStats{r.Model: s}, Units: s.Rows()}, err
		},
		sum: func(models []string, chunks []manager.ChunkOutcome) any {
			all := make(map[string]manager.MigrateStats, len(models))
			for _, name := range models {
				all[name] = manager.MigrateStats{}
			}
			for _, ch := range chunks {
				for name, s := range ch.Migrated {
					all[name] = all[name].Add(s)
				}
			}
			return MigrateOutcome{Models: listedFailures(all), DryRun: m.DryRun}
		},
	}, nil
}
