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
// [Migrator], [Dumper], [Verifier] and [Chunker] of a worker.
type CatalogWork struct {
	Catalog *manager.Catalog
	Sources SourceOpener
	// Targets are where dumps may be written.
	Targets Targets
	// Strict refuses saves and loads of models that the store does not have;
	// otherwise they are declared by themselves with Encoding, empty for the
	// store's own choice.
	Strict   bool
	Encoding resource.Encoding
	// DivideAbove is how many resources a load, backfill or migration has at most that one
	// worker does; 0 means 10,000.
	DivideAbove int64
	// ChunkRows is how many resources a chunk of a divided load has at most; 0 means what
	// [manager.LoadOptions] says.
	ChunkRows int64
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
		ChunkRows:            w.ChunkRows,
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
