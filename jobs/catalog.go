package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// CatalogWork does jobs on a catalog. It is the [Saver], [Loader] and
// [Backfiller] of a worker.
type CatalogWork struct {
	Catalog *manager.Catalog
	Sources SourceOpener
	// Strict refuses saves and loads of models that the store does not have;
	// otherwise they are declared by themselves with Encoding, empty for the
	// store's own choice.
	Strict   bool
	Encoding resource.Encoding
}

// SaveJobs applies saves of one model.
func (w *CatalogWork) SaveJobs(ctx context.Context, model string, jobs []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	m, err := w.Catalog.Open(ctx, model)
	if errors.Is(err, storage.ErrNotFound) && !w.Strict {
		m, err = w.Catalog.Declare(ctx, storage.ModelInfo{Name: model, Encoding: w.Encoding})
	}
	if err != nil {
		return nil, unknownModel(err)
	}
	return m.SaveJobs(ctx, jobs)
}

// Load loads the archive that l names. The catalog ends the ledger row.
func (w *CatalogWork) Load(ctx context.Context, c storage.Claim, l Load, progress func(storage.Progress)) error {
	src, err := w.Sources.Open(ctx, l)
	if err != nil {
		return err
	}
	dup, err := manager.ParseOnDuplicate(l.OnDuplicate)
	if err != nil {
		return errors.Join(err, src.Close())
	}
	_, err = w.Catalog.Load(ctx, c, src, manager.LoadOptions{
		OnDuplicate:          dup,
		Models:               l.Models,
		AllowMissingRevision: slices.Contains(l.Allow, "missing_revision"),
		StrictModels:         w.Strict,
		AllowUnknownModel:    slices.Contains(l.Allow, "unknown_model"),
	}, progress)
	if cerr := src.Close(); cerr != nil && err == nil {
		return fmt.Errorf("close %s: %w", l.Source, cerr)
	}
	return err
}

// Unstage forgets what a load had prepared.
func (w *CatalogWork) Unstage(ctx context.Context, job uuid.UUID) error {
	return w.Catalog.Unstage(ctx, job)
}

// Backfill fills the models one after another.
func (w *CatalogWork) Backfill(ctx context.Context, b Backfill, progress func(storage.Progress)) (map[string]manager.BackfillStats, error) {
	models := b.Models
	if len(models) == 0 {
		var err error
		if models, err = w.names(ctx); err != nil {
			return nil, err
		}
	}
	all := make(map[string]manager.BackfillStats, len(models))
	total, err := w.toFill(ctx, b.What, models)
	if err != nil {
		return nil, err
	}
	var done int64
	progress(storage.Progress{Total: total})
	for _, name := range models {
		m, err := w.Catalog.Open(ctx, name)
		if err != nil {
			return all, unknownModel(err)
		}
		before := done
		o := manager.BackfillOptions{Progress: func(_ resource.ID, s manager.BackfillStats) {
			done = before + s.Updated + s.Missing + s.Unchanged
			progress(storage.Progress{Done: done, Total: max(total, done)})
		}}
		if b.What == IndexedData {
			all[name], err = m.BackfillIndexedData(ctx, o)
		} else {
			all[name], err = m.BackfillRevisionMeta(ctx, o)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// toFill counts the rows that a backfill looks at.
func (w *CatalogWork) toFill(ctx context.Context, what string, models []string) (total int64, err error) {
	for _, name := range models {
		m, err := w.Catalog.Open(ctx, name)
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

// Unfilled returns the names of the models with rows that lack rev_* fields,
// ascending.
func (w *CatalogWork) Unfilled(ctx context.Context) ([]string, error) {
	names, err := w.names(ctx)
	if err != nil {
		return nil, err
	}
	var unfilled []string
	for _, name := range names {
		total, err := w.toFill(ctx, RevisionMeta, []string{name})
		if err != nil {
			return nil, err
		}
		if total > 0 {
			unfilled = append(unfilled, name)
		}
	}
	return unfilled, nil
}

func (w *CatalogWork) names(ctx context.Context) ([]string, error) {
	infos, err := w.Catalog.Models(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	return names, nil
}

// unknownModel turns "there is no such model" into a refusal.
func unknownModel(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return &RefusedError{Code: CodeModelUnknown, Err: err}
	}
	return err
}
