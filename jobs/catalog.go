package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// CatalogWork does jobs on a catalog. It is the [Saver], [Loader], [Backfiller],
// [Migrator] and [Chunker] of a worker.
type CatalogWork struct {
	Catalog *manager.Catalog
	Sources SourceOpener
	// Strict refuses saves and loads of models that the store does not have;
	// otherwise they are declared by themselves with Encoding, empty for the
	// store's own choice.
	Strict   bool
	Encoding resource.Encoding
	// DivideAbove is how many resources a load has at most that one worker does; 0 means
	// what [manager.LoadOptions] says.
	DivideAbove int64
}

// as returns the catalog as the actor may use it.
func (w *CatalogWork) as(by Actor) *manager.Catalog {
	if by.Own {
		return w.Catalog.Unguarded()
	}
	return w.Catalog.Using(manager.Scope{User: by.User})
}

// SaveJobs applies saves of one model.
func (w *CatalogWork) SaveJobs(ctx context.Context, model string, jobs []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	m, err := w.Catalog.Open(ctx, model)
	if errors.Is(err, storage.ErrNotFound) && !w.Strict {
		if err := w.mayMake(ctx, model, jobs); err != nil {
			return nil, err
		}
		m, err = w.Catalog.Declare(ctx, storage.ModelInfo{Name: model, Encoding: w.Encoding})
	}
	if err != nil {
		return nil, unknownModel(err)
	}
	return m.SaveJobs(ctx, jobs)
}

// errNobodyMay has jobs tried one by one, each to be refused for its own reason.
var errNobodyMay = errors.New("no operation of the jobs is allowed, and the model does not exist")

// mayMake refuses to make a model for jobs of which nothing may be done.
func (w *CatalogWork) mayMake(ctx context.Context, model string, jobs []manager.SaveJob) error {
	var first *manager.RefusedError
	for _, j := range jobs {
		refused, err := w.Catalog.AskSave(ctx, model, j.Operations)
		if err != nil {
			return err
		}
		for _, r := range refused {
			if r == nil {
				return nil
			}
			first = cmp.Or(first, r)
		}
	}
	switch {
	case first == nil:
		return nil
	case len(jobs) > 1:
		return errNobodyMay
	}
	return first
}

// Load loads the archive that l names. The catalog ends the ledger row.
func (w *CatalogWork) Load(ctx context.Context, c storage.Claim, by Actor, l Load, progress func(storage.Progress)) error {
	src, err := w.Sources.Open(ctx, l)
	if err != nil {
		return err
	}
	life := &lifeSigns{report: progress}
	_, err = w.as(by).Load(ctx, c, liveSource{src, life}, w.loadOptions(l), life.progress)
	return closed(l, src, err)
}

// loadOptions are the options of a load. Package manager refuses ways that it does not
// know.
func (w *CatalogWork) loadOptions(l Load) manager.LoadOptions {
	return manager.LoadOptions{
		OnDuplicate:          manager.OnDuplicate(cmp.Or(l.OnDuplicate, string(manager.RaiseError))),
		Models:               l.Models,
		AllowMissingRevision: slices.Contains(l.Allow, "missing_revision"),
		StrictModels:         w.Strict,
		AllowUnknownModel:    slices.Contains(l.Allow, "unknown_model"),
		DivideAbove:          w.DivideAbove,
	}
}

// closed closes the source of a load of which err came.
func closed(l Load, src Source, err error) error {
	if cerr := src.Close(); cerr != nil && err == nil {
		return fmt.Errorf("close %s: %w", l.Source, cerr)
	}
	return err
}

// Unstage forgets what a load had prepared.
func (w *CatalogWork) Unstage(ctx context.Context, c storage.Claim) error {
	return w.Catalog.Unstage(ctx, c)
}

// Backfill fills the models one after another, when the actor may do so in all of
// them. Of all models those count that have rows to fill.
func (w *CatalogWork) Backfill(ctx context.Context, by Actor, b Backfill, progress func(storage.Progress)) (map[string]manager.BackfillStats, error) {
	models := b.Models
	all := make(map[string]manager.BackfillStats, len(models))
	if len(models) == 0 {
		names, err := w.names(ctx)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			all[name] = manager.BackfillStats{}
		}
		if models, err = w.fillable(ctx, b.What, names); err != nil {
			return nil, err
		}
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
	for _, name := range models {
		m, err := catalog.Open(ctx, name)
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

// Unfilled returns the names of the models with rows that lack rev_* fields,
// ascending.
func (w *CatalogWork) Unfilled(ctx context.Context) ([]string, error) {
	names, err := w.names(ctx)
	if err != nil {
		return nil, err
	}
	return w.fillable(ctx, RevisionMeta, names)
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
