package faulty

import (
	"context"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// New returns f under a plan. Everything that is got from it, stores, snapshots
// and blobs too, is under the same plan.
func New(f storage.Factory, p *Plan) storage.Factory { return factory{f, p} }

type factory struct {
	f storage.Factory
	p *Plan
}

func (f factory) ID() uuid.UUID          { return look(f.p, "Factory.ID", f.f.ID) }
func (f factory) Traits() storage.Traits { return look(f.p, "Factory.Traits", f.f.Traits) }

func (f factory) Unit() storage.UnitOfWork {
	return look(f.p, "Factory.Unit", func() storage.UnitOfWork { return unit{f.f.Unit(), f.p} })
}

func (f factory) Ledger() storage.Ledger {
	return look(f.p, "Factory.Ledger", func() storage.Ledger { return ledger{f.f.Ledger(), f.p} })
}

func (f factory) Garbage() storage.Garbage {
	return look(f.p, "Factory.Garbage", func() storage.Garbage { return garbage{f.f.Garbage(), f.p} })
}

func (f factory) Models(ctx context.Context) ([]storage.ModelInfo, error) {
	return ask(ctx, f.p, "Factory.Models", f.f.Models)
}

func (f factory) SaveModel(ctx context.Context, m storage.ModelInfo) error {
	return f.p.call(ctx, "Factory.SaveModel", func(ctx context.Context) error { return f.f.SaveModel(ctx, m) })
}

// Found gives storage.ErrNotFounded when the store under f makes no models so.
func (f factory) Found(ctx context.Context, models []storage.ModelInfo, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	return f.p.call(ctx, "Factory.Found", func(ctx context.Context) error {
		return storage.Found(ctx, f.f, models, b, func(v storage.View) (storage.Writes, error) { return compute(view{v, f.p}) })
	})
}

func (f factory) Build(ctx context.Context, model string) (storage.Stores, error) {
	return ask(ctx, f.p, "Factory.Build", func(ctx context.Context) (storage.Stores, error) {
		s, err := f.f.Build(ctx, model)
		if err != nil {
			return storage.Stores{}, err
		}
		return storage.Stores{
			Metas:     metas{metaReader{s.Metas, f.p}, s.Metas},
			Revisions: revisions{revisionReader{s.Revisions, f.p}, s.Revisions},
		}, nil
	})
}

func (f factory) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	return ask(ctx, f.p, "Factory.Snapshot", func(ctx context.Context) (storage.Snapshot, error) {
		s, err := f.f.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		return snapshot{s, f.p}, nil
	})
}

// BuildBlobStore gives errors.ErrUnsupported when the store under f has no hook.
func (f factory) BuildBlobStore(ctx context.Context) (storage.BlobStore, error) {
	return ask(ctx, f.p, "Factory.BuildBlobStore", func(ctx context.Context) (storage.BlobStore, error) {
		b, err := storage.BuildBlobStore(ctx, f.f)
		if err != nil {
			return nil, err
		}
		return NewBlobs(b, f.p), nil
	})
}

// Close passes no context on: its faults are those of a call in the background.
func (f factory) Close() error {
	return f.p.call(context.Background(), "Factory.Close", func(context.Context) error { return f.f.Close() })
}

type snapshot struct {
	s storage.Snapshot
	p *Plan
}

func (s snapshot) Build(ctx context.Context, model string) (storage.MetaReader, storage.RevisionReader, error) {
	type readers struct {
		m storage.MetaReader
		r storage.RevisionReader
	}
	got, err := ask(ctx, s.p, "Snapshot.Build", func(ctx context.Context) (readers, error) {
		m, r, err := s.s.Build(ctx, model)
		if err != nil {
			return readers{}, err
		}
		return readers{metaReader{m, s.p}, revisionReader{r, s.p}}, nil
	})
	return got.m, got.r, err
}

func (s snapshot) Close() error {
	return s.p.call(context.Background(), "Snapshot.Close", func(context.Context) error { return s.s.Close() })
}
