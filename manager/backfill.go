package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// BackfillOptions refine [Manager.BackfillRevisionMeta] and [Manager.BackfillIndexedData].
type BackfillOptions struct {
	// Range is the part of the model that is filled; the zero value is all of it.
	Range storage.Range
	// DryRun counts what would be done and writes nothing.
	DryRun bool
	// Pace bounds how fast it goes; nil means one of its own without a rate.
	Pace *Pace
	// Progress, when not nil, is called after each page with the last id looked at
	// and the counts so far.
	Progress func(last resource.ID, s BackfillStats)
}

// BackfillStats counts what a backfill did.
type BackfillStats struct {
	// Updated rows were completed; in a dry run they would be.
	Updated int64 `json:"updated"`
	// Missing rows lack their current revision and stay as they are.
	Missing int64 `json:"missing"`
	// Unchanged rows were right already, were completed or removed by their writer
	// meanwhile, or keep being changed and belong to it.
	Unchanged int64 `json:"unchanged"`
	// MissingIDs are the first [MaxMissingIDs] of the missing.
	MissingIDs []resource.ID `json:"missing_ids,omitempty"`
}

// MaxMissingIDs is how many ids a backfill reports.
const MaxMissingIDs = 100

// Add sums up two counts.
func (s BackfillStats) Add(o BackfillStats) BackfillStats {
	ids := append(s.MissingIDs[:len(s.MissingIDs):len(s.MissingIDs)], o.MissingIDs...)
	return BackfillStats{
		Updated:    s.Updated + o.Updated,
		Missing:    s.Missing + o.Missing,
		Unchanged:  s.Unchanged + o.Unchanged,
		MissingIDs: ids[:min(len(ids), MaxMissingIDs)],
	}
}

// Rows is how many rows were looked at.
func (s BackfillStats) Rows() int64 { return s.Updated + s.Missing + s.Unchanged }

// BackfillRevisionMeta completes the five rev_* fields of all metas that lack
// any of them, from the infos of their current revisions (upgrade page,
// "ResourceMeta rev fields and backfill"). It takes no locks: a row is only
// written when its stored bytes are still those that were read, and one that
// changed is read once more and then belongs to its writer. Nothing but the five
// fields changes. On an error the counts so far are returned with it; a second
// run continues. Ranges may be done in any order, by several processes at once.
func (m *Manager) BackfillRevisionMeta(ctx context.Context, o BackfillOptions) (stats BackfillStats, err error) {
	err = m.catalog.watchedModels(ctx, ActionMigrate, []string{m.name}, nil, func() (err error) {
		stats, err = m.backfill(ctx, revisionFiller{m.stores.Metas}, o)
		return err
	})
	return stats, err
}

// backfill fills the rows of a range page by page.
func (m *Manager) backfill(ctx context.Context, f filler, o BackfillOptions) (BackfillStats, error) {
	var stats BackfillStats
	b := m.newBackfill(f, o)
	for p, err := range pipe(ctx, b.writers, b.pages, b.fillPage) {
		if err != nil {
			return stats, fmt.Errorf("backfill model %s: %w", m.name, err)
		}
		stats = stats.Add(p.stats)
		if o.Progress != nil {
			o.Progress(p.last, stats)
		}
	}
	return stats, nil
}

// revisionFiller fills rev_* fields.
type revisionFiller struct{ metas storage.MetaReader }

func (f revisionFiller) read(ctx context.Context, in storage.Range, limit int) ([]storage.Unfilled, error) {
	return f.metas.Unfilled(ctx, in, limit)
}

func (f revisionFiller) fill(_ context.Context, page []storage.Unfilled) ([]filling, error) {
	list := make([]filling, len(page))
	for i, u := range page {
		info, ok := u.Current.Get()
		list[i] = filling{Row: u.Row, becomes: becomesMissing}
		if ok {
			list[i].becomes, list[i].revOnly = becomesNew, true
			list[i].new = u.Meta
			list[i].new.Rev = resource.RevMetaOf(info)
		}
	}
	return list, nil
}
