package manager

import (
	"context"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// BackfillOptions refine [Manager.BackfillRevisionMeta].
type BackfillOptions struct {
	// After resumes behind this id; empty starts at the beginning.
	After resource.ID
	// Progress, when not nil, is called after each page with the last id looked at
	// and the counts so far.
	Progress func(last resource.ID, s BackfillStats)
}

// BackfillStats counts what a backfill did.
type BackfillStats struct {
	// Updated rows were completed.
	Updated int64 `json:"updated"`
	// Missing rows lack their current revision and stay as they are.
	Missing int64 `json:"missing"`
	// Unchanged rows were completed or removed by their writer meanwhile, or keep
	// being changed and belong to it.
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

// BackfillRevisionMeta completes the five rev_* fields of all metas that lack
// any of them, from the infos of their current revisions (upgrade page,
// "ResourceMeta rev fields and backfill"). It takes no locks: a row is only
// written when its stored bytes are still those that were read, and one that
// changed is read once more and then belongs to its writer. Nothing but the five
// fields changes. On an error the counts so far are returned with it; a second
// run continues.
func (m *Manager) BackfillRevisionMeta(ctx context.Context, o BackfillOptions) (stats BackfillStats, err error) {
	err = m.catalog.watchedModels(ctx, ActionMigrate, []string{m.name}, nil, func() (err error) {
		stats, err = m.backfillRevisionMeta(ctx, o)
		return err
	})
	return stats, err
}

func (m *Manager) backfillRevisionMeta(ctx context.Context, o BackfillOptions) (BackfillStats, error) {
	var stats BackfillStats
	for p := range m.filledPages(ctx, o.After) {
		if p.err != nil {
			return stats, fmt.Errorf("backfill model %s behind %q: %w", m.name, p.after, p.err)
		}
		stats = stats.Add(p.stats)
		if o.Progress != nil {
			o.Progress(p.last, stats)
		}
	}
	return stats, nil
}

// fill completes the rows of a page and returns the ids of those that changed
// since the page was read.
func (m *Manager) fill(ctx context.Context, page []storage.Unfilled) (BackfillStats, []resource.ID, error) {
	var stats BackfillStats
	swaps := make([]storage.Swap, 0, len(page))
	for _, u := range page {
		info, ok := u.Current.Get()
		if !ok {
			stats.Missing++
			stats.MissingIDs = append(stats.MissingIDs, u.Meta.ResourceID)
			continue
		}
		meta := u.Meta
		meta.Rev = resource.RevMetaOf(info)
		swaps = append(swaps, storage.Swap{Old: u.Stored, New: meta})
	}
	if len(swaps) == 0 {
		return stats, nil, nil
	}
	done, err := m.stores.Metas.CompareAndSwap(ctx, swaps)
	if err != nil {
		return stats, nil, err
	}
	var lost []resource.ID
	for i, ok := range done {
		if ok {
			stats.Updated++
		} else {
			lost = append(lost, swaps[i].New.ResourceID)
		}
	}
	return stats, lost, nil
}

// fillTwice completes the rows of the page that begins behind after, reading
// those that changed meanwhile once more. Whatever is still not complete then
// belongs to its writer.
func (m *Manager) fillTwice(ctx context.Context, after resource.ID, page []storage.Unfilled) (BackfillStats, error) {
	stats, lost, err := m.fill(ctx, page)
	if err != nil || len(lost) == 0 {
		return stats, err
	}
	again, err := m.stores.Metas.Unfilled(ctx, storage.Range{After: after}, len(page))
	if err != nil {
		return stats, err
	}
	again = slices.DeleteFunc(again, func(u storage.Unfilled) bool {
		return !slices.Contains(lost, u.Meta.ResourceID)
	})
	second, _, err := m.fill(ctx, again)
	if err != nil {
		return stats, err
	}
	second.Unchanged = int64(len(lost)) - second.Updated - second.Missing
	return stats.Add(second), nil
}
