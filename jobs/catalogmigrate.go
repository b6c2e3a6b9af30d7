package jobs

import (
	"context"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Migrate migrates the models one after another, when the actor may do so in all
// of them and all declare a schema version.
func (w *CatalogWork) Migrate(ctx context.Context, by Actor, m Migrate, progress func(storage.Progress)) (map[string]manager.MigrateStats, error) {
	g, err := w.migrating(ctx, by, m)
	if err != nil {
		return nil, err
	}
	return g.run(ctx, progress)
}

// migrating is a migration that may be done.
type migrating struct {
	Migrate
	by      Actor
	catalog *manager.Catalog // the actor's
	models  []string
	// rows are the resources that are looked at; total is what of them, or of their
	// revisions, there is to migrate, 0 when it is not known.
	rows, total int64
}

// migrating looks what there is to migrate, and refuses an actor who may not.
func (w *CatalogWork) migrating(ctx context.Context, by Actor, m Migrate) (*migrating, error) {
	g := &migrating{Migrate: m, by: by, catalog: w.as(by), models: slices.Compact(slices.Sorted(slices.Values(m.Models)))}
	for _, name := range g.models {
		if err := g.catalog.Ask(ctx, manager.Event{Action: manager.ActionMigrate, Model: name}); err != nil {
			return nil, err
		}
	}
	var err error
	if g.rows, err = w.toMigrate(ctx, g.models); err != nil {
		return nil, err
	}
	if !m.History { // how many old revisions there are to migrate is not known
		g.total = g.rows
	}
	return g, nil
}

// run migrates the models one after another.
func (g *migrating) run(ctx context.Context, progress func(storage.Progress)) (map[string]manager.MigrateStats, error) {
	progress(storage.Progress{Total: g.total})
	all := make(map[string]manager.MigrateStats, len(g.models))
	o := g.options()
	var done int64
	for _, name := range g.models {
		before := done
		o.Progress = func(s manager.MigrateStats) {
			done = before + s.Rows()
			p := storage.Progress{Done: done, Total: g.total}
			if g.total > 0 {
				p.Total = max(g.total, done)
			}
			progress(p)
		}
		stats, err := migrate(ctx, g.catalog, name, o)
		if err != nil {
			return nil, err
		}
		all[name] = stats
	}
	return listedFailures(all), nil
}

func (g *migrating) options() manager.MigrateOptions {
	return manager.MigrateOptions{History: g.History, DryRun: g.DryRun, User: g.by.User, Pace: manager.NewPace(g.Rate)}
}

// migrate does a migration of one model.
func migrate(ctx context.Context, c *manager.Catalog, model string, o manager.MigrateOptions) (manager.MigrateStats, error) {
	m, err := c.Open(ctx, model)
	if err != nil {
		return manager.MigrateStats{}, unknownModel(err)
	}
	return m.MigrateAll(ctx, o)
}

// listedFailures has so few failures listed, of all models together, as the ledger
// takes.
func listedFailures(all map[string]manager.MigrateStats) map[string]manager.MigrateStats {
	room := manager.MaxMigrateFailures
	for _, name := range slices.Sorted(maps.Keys(all)) {
		stats := all[name]
		stats.Failures = listable(stats.Failures, room)
		room -= len(stats.Failures)
		all[name] = stats
	}
	return all
}

// listable returns the first n failures, their messages as short as those of jobs:
// they become part of a ledger row.
func listable(failures []manager.MigrateFailure, n int) []manager.MigrateFailure {
	failures = slices.Clone(failures[:min(len(failures), n)])
	for i := range failures {
		failures[i].Message = truncate(failures[i].Message, maxMessageText)
	}
	return failures
}

// toMigrate counts the resources that are not at the schema versions of their
// models. A model that cannot be migrated is refused before any is.
func (w *CatalogWork) toMigrate(ctx context.Context, models []string) (total int64, err error) {
	for _, name := range models {
		m, err := w.Catalog.Unguarded().Open(ctx, name)
		if err != nil {
			return 0, unknownModel(err)
		}
		n, err := m.Unmigrated(ctx)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
