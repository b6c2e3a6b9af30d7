package check

import (
	"context"
	"errors"

	"github.com/specstar-worker/worker/storage"
)

// altered is a store some of whose parts are replaced; nil ones are not.
type altered struct {
	storage.Factory
	metas     func(storage.MetaStore) storage.MetaStore
	revisions func(storage.RevisionStore) storage.RevisionStore
	unit      func(storage.UnitOfWork) storage.UnitOfWork
	ledger    func(storage.Ledger) storage.Ledger
	blobs     func(storage.BlobStore) storage.BlobStore
	garbage   func(storage.Garbage) storage.Garbage
}

func (f altered) Build(ctx context.Context, model string) (storage.Stores, error) {
	s, err := f.Factory.Build(ctx, model)
	if err != nil {
		return s, err
	}
	if f.metas != nil {
		s.Metas = f.metas(s.Metas)
	}
	if f.revisions != nil {
		s.Revisions = f.revisions(s.Revisions)
	}
	return s, nil
}

func (f altered) Unit() storage.UnitOfWork {
	if f.unit != nil {
		return f.unit(f.Factory.Unit())
	}
	return f.Factory.Unit()
}

func (f altered) Ledger() storage.Ledger {
	if f.ledger != nil {
		return f.ledger(f.Factory.Ledger())
	}
	return f.Factory.Ledger()
}

func (f altered) Garbage() storage.Garbage {
	if f.garbage != nil {
		return f.garbage(f.Factory.Garbage())
	}
	return f.Factory.Garbage()
}

func (f altered) BuildBlobStore(ctx context.Context) (storage.BlobStore, error) {
	b, err := storage.BuildBlobStore(ctx, f.Factory)
	if err == nil && f.blobs != nil {
		b = f.blobs(b)
	}
	return b, err
}

// withMetas and its neighbours open stores in memory with one part replaced.
func withMetas(alter func(storage.MetaStore) storage.MetaStore) Open {
	return over(func(f storage.Factory) storage.Factory { return altered{Factory: f, metas: alter} })
}

func withRevisions(alter func(storage.RevisionStore) storage.RevisionStore) Open {
	return over(func(f storage.Factory) storage.Factory { return altered{Factory: f, revisions: alter} })
}

func withBlobs(alter func(storage.BlobStore) storage.BlobStore) Open {
	return over(func(f storage.Factory) storage.Factory { return altered{Factory: f, blobs: alter} })
}

// withUnit also passes the store, for units that reach around the unit of work.
func withUnit(alter func(storage.UnitOfWork, storage.Factory) storage.UnitOfWork) Open {
	return over(func(f storage.Factory) storage.Factory {
		return altered{Factory: f, unit: func(u storage.UnitOfWork) storage.UnitOfWork { return alter(u, f) }}
	})
}

// withLedger makes one ledger for each store, so that it may remember things.
func withLedger(alter func(storage.Ledger) storage.Ledger) Open {
	return over(func(f storage.Factory) storage.Factory {
		l := alter(f.Ledger())
		return altered{Factory: f, ledger: func(storage.Ledger) storage.Ledger { return l }}
	})
}

// withView replaces what a unit of work sees.
func withView(alter func(storage.View) storage.View) Open {
	return withUnit(func(u storage.UnitOfWork, _ storage.Factory) storage.UnitOfWork { return viewingUnit{u, alter} })
}

type viewingUnit struct {
	storage.UnitOfWork
	alter func(storage.View) storage.View
}

func (u viewingUnit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	return u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) { return compute(u.alter(v)) })
}

// scatter writes models without a unit of work, as far as it goes.
func scatter(ctx context.Context, f storage.Factory, models map[string]storage.ModelWrites) error {
	var errs error
	for model, w := range models {
		s, err := f.Build(ctx, model)
		if err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		for _, r := range w.Revisions {
			errs = errors.Join(errs, s.Revisions.SaveMany(ctx, one(r)))
		}
		for _, m := range w.Metas {
			errs = errors.Join(errs, s.Metas.SaveMany(ctx, one(m)))
		}
	}
	return errs
}

func one[V any](v V) []V { return []V{v} }
