package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// MigrateOptions refine [Manager.MigrateAll].
type MigrateOptions struct {
	// History migrates every stored revision, not the current ones alone.
	History bool
	// User is on whose behalf it happens; empty means the scope's.
	User string
	// Progress, when not nil, is called after each batch with the counts so far.
	Progress func(s MigrateStats)
}

// MigrateStats counts what a migration of a model did.
type MigrateStats struct {
	// Migrated and Unchanged count revisions; those that were at the declared version
	// already are not looked at and not counted.
	Migrated  int64 `json:"migrated"`
	Unchanged int64 `json:"unchanged"`
	// Failed could not be migrated; Failures are the first [MaxMigrateFailures].
	Failed   int64            `json:"failed"`
	Failures []MigrateFailure `json:"failures,omitempty"`
}

// MigrateFailure says why a revision could not be migrated.
type MigrateFailure struct {
	ResourceID resource.ID         `json:"resource_id"`
	RevisionID resource.RevisionID `json:"revision_id,omitzero"`
	Code       Code                `json:"code"`
	Message    string              `json:"message"`
}

// MaxMigrateFailures is how many failures a migration lists.
const MaxMigrateFailures = 100

// MigrateAll brings the current revisions of all resources, deleted ones too, to
// the model's schema version, in batches. One that cannot be migrated fails alone. A
// second run goes on where one was interrupted: what is migrated is passed over. On
// an error the counts so far are returned with it.
func (m *Manager) MigrateAll(ctx context.Context, o MigrateOptions) (MigrateStats, error) {
	var stats MigrateStats
	target, err := m.migrationTarget()
	if err != nil {
		return stats, err
	}
	// Who may not migrate the model is not told which resources there are.
	if err := m.catalog.Ask(ctx, Event{Action: ActionMigrate, Model: m.name, User: o.User}); err != nil {
		return stats, err
	}
	size := m.catalog.opts.BatchSize
	batch := make([]Operation, 0, size)
	for meta, err := range m.stores.Metas.All(ctx) {
		if err != nil {
			return stats, fmt.Errorf("migrate model %s: %w", m.name, err)
		}
		if batch, err = m.appendMigrations(ctx, batch, meta, target, o); err != nil {
			return stats, fmt.Errorf("migrate model %s: %w", m.name, err)
		}
		if len(batch) < size {
			continue
		}
		if err := m.migrateBatch(ctx, batch, &stats, o); err != nil {
			return stats, err
		}
		batch = batch[:0]
	}
	return stats, m.migrateBatch(ctx, batch, &stats, o)
}

// Unmigrated counts the resources, deleted ones too, whose payload is not at the
// model's schema version: what [Manager.MigrateAll] without the history looks at. It
// is refused for the reasons of MigrateAll and of [Reader.Stats].
func (m *Manager) Unmigrated(ctx context.Context) (int64, error) {
	all, err := m.Stats(ctx)
	if err != nil {
		return 0, err
	}
	target, err := m.migrationTarget()
	if err != nil {
		return 0, err
	}
	done, err := m.stores.Metas.Count(ctx, qb.Where(qb.SchemaVersion().Eq(target.Or(""))))
	if err != nil {
		return 0, fmt.Errorf("count model %s: %w", m.name, err)
	}
	return max(all.Metas-done, 0), nil
}

// migrationTarget returns the schema version that the model declares.
func (m *Manager) migrationTarget() (opt.Value[string], error) {
	target := m.Info().SchemaVersion
	if !target.IsSet() {
		return target, &RefusedError{
			Code: CodeNoMigration, Model: m.name,
			Message: fmt.Sprintf("model %s declares no schema version to migrate to", m.name),
		}
	}
	return target, nil
}

// appendMigrations adds what is to be migrated of a resource.
func (m *Manager) appendMigrations(ctx context.Context, batch []Operation, meta resource.Meta, target opt.Value[string], o MigrateOptions) ([]Operation, error) {
	if !o.History {
		if meta.SchemaVersion != target {
			batch = append(batch, Operation{Op: OpMigrate, ResourceID: meta.ResourceID, User: o.User})
		}
		return batch, nil
	}
	var order []resource.RevisionID
	done := map[resource.RevisionID]bool{}
	for info, err := range m.stores.Revisions.List(ctx, meta.ResourceID) {
		if err != nil {
			return batch, err
		}
		if _, met := done[info.RevisionID]; !met {
			order = append(order, info.RevisionID)
		}
		done[info.RevisionID] = done[info.RevisionID] || info.SchemaVersion == target
	}
	for _, id := range order {
		if !done[id] || id == meta.CurrentRevisionID && meta.SchemaVersion != target {
			batch = append(batch, Operation{Op: OpMigrate, ResourceID: meta.ResourceID, RevisionID: id, User: o.User})
		}
	}
	return batch, nil
}

// migrateBatch does migrations and counts them.
func (m *Manager) migrateBatch(ctx context.Context, batch []Operation, stats *MigrateStats, o MigrateOptions) error {
	if len(batch) == 0 {
		return nil
	}
	out, err := m.SaveMany(ctx, batch)
	for i, r := range out {
		switch r.Effect {
		case EffectMigrated:
			stats.Migrated++
		case EffectUnchanged:
			stats.Unchanged++
		case EffectRefused:
			stats.Failed++
			if len(stats.Failures) < MaxMigrateFailures {
				stats.Failures = append(stats.Failures, MigrateFailure{r.ResourceID, batch[i].RevisionID, r.Code, r.Message})
			}
		}
	}
	if err == nil && o.Progress != nil {
		o.Progress(*stats)
	}
	return err
}
