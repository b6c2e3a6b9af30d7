package jobs

import (
	"context"
	"slices"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Migrate migrates the models one after another, when the actor may do so in all
// of them and all declare a schema version.
func (w *CatalogWork) Migrate(ctx context.Context, by Actor, m Migrate, progress func(storage.Progress)) (map[string]manager.MigrateStats, error) {
	names := slices.Compact(slices.Sorted(slices.Values(m.Models)))
	catalog := w.as(by)
	for _, name := range names {
		if err := catalog.Ask(ctx, manager.Event{Action: manager.ActionMigrate, Model: name}); err != nil {
			return nil, err
		}
	}
	total, err := w.toMigrate(ctx, names)
	if err != nil {
		return nil, err
	}
	if m.History {
		total = 0 // how many old revisions there are to migrate is not known
	}
	progress(storage.Progress{Total: total})
	all := make(map[string]manager.MigrateStats, len(names))
	pace := manager.NewPace(m.Rate)
	var done int64
	listed := 0
	for _, name := range names {
		opened, err := catalog.Open(ctx, name)
		if err != nil {
			return nil, unknownModel(err)
		}
		before := done
		stats, err := opened.MigrateAll(ctx, manager.MigrateOptions{History: m.History, DryRun: m.DryRun, Pace: pace, User: by.User, Progress: func(s manager.MigrateStats) {
			done = before + s.Rows()
			p := storage.Progress{Done: done, Total: total}
			if total > 0 {
				p.Total = max(total, done)
			}
			progress(p)
		}})
		if err != nil {
			return nil, err
		}
		stats.Failures = listable(stats.Failures, manager.MaxMigrateFailures-listed)
		listed += len(stats.Failures)
		all[name] = stats
	}
	return all, nil
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
