package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/preset"
)

// store is an opened --store with its blobs.
type store struct {
	storage.Factory
	blobs storage.BlobStore
	// borrowed: whoever opened the store closes it.
	borrowed bool
}

// Close closes the store unless it is borrowed.
func (s *store) Close() error {
	if s.borrowed {
		return nil
	}
	return s.Factory.Close()
}

// openReader opens the store to look at it. A store that is not there is an
// empty one; nothing is created.
func (a *app) openReader(ctx context.Context) (*store, error) {
	place, err := a.global.place()
	if err != nil {
		return nil, err
	}
	if place.Kind == preset.InMemory && a.current != nil {
		return &store{Factory: a.current.Factory, blobs: a.current.blobs, borrowed: true}, nil
	}
	s, err := a.openPlace(ctx, place, true)
	if errors.Is(err, storage.ErrNotFound) {
		return withBlobs(ctx, preset.Memory())
	}
	return s, err
}

// openWriter opens the store, making it when it is not there.
func (a *app) openWriter(ctx context.Context) (*store, error) {
	return a.openWriterMeanwhile(ctx, func() {})
}

// openWriterMeanwhile is openWriter; it calls start when the store answers, at the latest
// when it is open, but not when it cannot be opened at all.
func (a *app) openWriterMeanwhile(ctx context.Context, start func()) (*store, error) {
	place, err := a.global.place()
	if err != nil {
		return nil, err
	}
	start = sync.OnceFunc(start)
	o := a.global.options()
	o.Reached = start
	s, err := a.openWith(ctx, place, o)
	if err == nil {
		start()
	}
	return s, err
}

// openPlace opens the store at a place. One to be read that is not there gives
// storage.ErrNotFound.
func (a *app) openPlace(ctx context.Context, place preset.Place, readOnly bool) (*store, error) {
	o := a.global.options()
	o.ReadOnly = readOnly
	return a.openWith(ctx, place, o)
}

func (a *app) openWith(ctx context.Context, place preset.Place, o preset.Options) (*store, error) {
	f, err := place.Open(ctx, o)
	if err != nil {
		return nil, err // it names the store
	}
	return withBlobs(ctx, f)
}

func withBlobs(ctx context.Context, f storage.Factory) (*store, error) {
	blobs, err := storage.BuildBlobStore(ctx, f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open blobs: %w", err), f.Close())
	}
	return &store{Factory: f, blobs: blobs}, nil
}

// reading opens the store for look.
func (a *app) reading(ctx context.Context, look func(*store) error) (err error) {
	s, err := a.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return look(s)
}

// view opens the store and passes a snapshot of it to look, as the command's
// user may see it.
func (a *app) view(ctx context.Context, look func(*store, *manager.Snapshot) error) error {
	return a.reading(ctx, func(s *store) (err error) {
		snap, err := a.catalog(s).Snapshot(ctx)
		if err != nil {
			return fmt.Errorf("read store %s: %w", a.global.storeName(), err)
		}
		defer func() { err = errors.Join(err, snap.Close()) }()
		return look(s, snap)
	})
}

// viewModel passes the reader of one model to look. In a store without any
// model every model is there and empty: look is not called and there is nothing
// to see.
func (a *app) viewModel(ctx context.Context, model string, look func(*manager.Reader) error) error {
	return a.view(ctx, func(s *store, snap *manager.Snapshot) error {
		r, err := snap.Open(ctx, model)
		if !errors.Is(err, storage.ErrNotFound) {
			if err != nil {
				return err
			}
			return look(r)
		}
		known, err := s.Models(ctx)
		if err != nil {
			return fmt.Errorf("list models: %w", err)
		}
		if len(known) == 0 {
			a.note("store %s is empty", a.global.storeName())
			return nil
		}
		if hasModel(known, model) {
			return nil // made after the snapshot
		}
		return unknownModel(a.global.storeName(), model, known)
	})
}

// unknownModel says which models there are.
func unknownModel(store, model string, known []storage.ModelInfo) error {
	names := ""
	for i, m := range known {
		if i > 0 {
			names += ", "
		}
		names += m.Name
	}
	return &failure{
		Exit: exitError, Code: codeModel, Model: model,
		Message: fmt.Sprintf("store %s has no model %q; it has: %s", store, model, names),
	}
}

// openExisting opens the store to change its jobs. A store without any, also one
// that is not there, is not made or written to for that.
func (a *app) openExisting(ctx context.Context) (*store, error) {
	s, err := a.openReader(ctx)
	if err != nil {
		return nil, err
	}
	if s.borrowed {
		return s, nil
	}
	for _, err := range s.Ledger().List(ctx, storage.JobFilter{Limit: 1}) {
		if err = errors.Join(err, s.Close()); err != nil {
			return nil, err
		}
		return a.openWriter(ctx)
	}
	return s, nil
}
