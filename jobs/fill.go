package jobs

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/manager"
)

// BackfillOutcome is the outcome of a backfill: what it did with each model, of all of
// them together at most [manager.MaxMissingIDs] ids.
type BackfillOutcome struct {
	Models map[string]manager.BackfillStats `json:"models"`
	// DryRun: nothing was written, and the counts are of what would have been done.
	DryRun bool `json:"dry_run,omitempty"`
}

// MigrateOutcome is the outcome of a migration: what it did with each model.
type MigrateOutcome struct {
	Models map[string]manager.MigrateStats `json:"models"`
	// DryRun: nothing was written, and the counts are of what would have been done.
	DryRun bool `json:"dry_run,omitempty"`
}

// Key returns the unique key of a backfill: those of one kind and the same models have
// it in common, however they go about it. A dry run has none: it is in nobody's way.
func (b Backfill) Key() string {
	if b.DryRun {
		return ""
	}
	what := b.What
	if what == "" {
		what = RevisionMeta
	}
	return workKey("backfill:"+what, b.Models)
}

// Key returns the unique key of a migration, as [Backfill.Key].
func (m Migrate) Key() string {
	if m.DryRun {
		return ""
	}
	work := "migrate"
	if m.History {
		work = "migrate-history"
	}
	return workKey(work, m.Models)
}

// workKey returns the key of work on models: with the name of one, or with a hash of the
// names of several.
func workKey(work string, models []string) string {
	names := slices.Compact(slices.Sorted(slices.Values(models)))
	switch {
	case len(names) == 0:
		return work
	case len(names) == 1 && len(work)+1+len(names[0]) <= maxUniqueBytes:
		return work + ":" + names[0]
	}
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return work + "::" + hex.EncodeToString(sum[:])
}
