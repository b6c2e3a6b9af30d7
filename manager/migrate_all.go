package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// MigrateOptions refine [Manager.MigrateAll].
type MigrateOptions struct {
	// Range is the part of the model that is migrated; the zero value is all of it.
	Range storage.Range
	// DryRun counts what would be done and writes nothing. What only the store would
	// refuse is not found out.
	DryRun bool
	// Pace bounds how fast it goes; nil means one of its own without a rate.
	Pace *Pace
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
	// already are not looked at and not counted. In a dry run Migrated would be.
	Migrated  int64 `json:"migrated"`
	Unchanged int64 `json:"unchanged"`
	// Failed could not be migrated; Failures are the first [MaxMigrateFailures].
	Failed   int64            `json:"failed"`
	Failures []MigrateFailure `json:"failures,omitempty"`
}

// Add sums up two counts.
func (s MigrateStats) Add(o MigrateStats) MigrateStats {
	failures := append(s.Failures[:len(s.Failures):len(s.Failures)], o.Failures...)
	return MigrateStats{
		Migrated:  s.Migrated + o.Migrated,
		Unchanged: s.Unchanged + o.Unchanged,
		Failed:    s.Failed + o.Failed,
		Failures:  failures[:min(len(failures), MaxMigrateFailures)],
	}
}

// Rows is how many revisions were looked at.
func (s MigrateStats) Rows() int64 { return s.Migrated + s.Unchanged + s.Failed }

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
// an error the counts so far are returned with it. Ranges may be done in any order, by
// several processes at once.
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
	g := m.newMigration(target, o)
	for done, err := range pipe(ctx, g.units, g.batches, g.do) {
		stats = stats.Add(done)
		if err != nil {
			return stats, fmt.Errorf("migrate model %s: %w", m.name, err)
		}
		if o.Progress != nil {
			o.Progress(stats)
		}
	}
	return stats, nil
}

// Unmigrated counts the resources, deleted ones too, whose payload is not at the
// model's schema version: what [Manager.MigrateAll] without the history looks at. It
// is refused for the reasons of MigrateAll and of [Reader.MetaStats].
func (m *Manager) Unmigrated(ctx context.Context) (int64, error) {
	all, err := m.MetaStats(ctx)
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
