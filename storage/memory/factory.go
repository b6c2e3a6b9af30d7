package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// maxWriters is declared as Traits.Writers: writers take turns, so more than one
// only overlaps what callers do between their writes.
const maxWriters = 1

var errClosed = errors.New("memory store is closed")

// Factory is a store in memory: metas, revisions, ledger and blobs.
type Factory struct {
	id    uuid.UUID
	now   func() time.Time
	blobs *blobStore

	// turn is held by the one writer, from its reads to its commit.
	turn chan struct{}
	// mu guards st. Only the holder of turn takes it for writing.
	mu sync.RWMutex
	st state
}

// New returns an empty store.
func New() *Factory { return NewWithClock(time.Now) }

// NewWithClock returns an empty store whose leases and job times come from now.
func NewWithClock(now func() time.Time) *Factory {
	return &Factory{
		id:    uuid.New(),
		now:   func() time.Time { return now().UTC().Truncate(time.Microsecond) },
		blobs: newBlobStore(now),
		turn:  make(chan struct{}, 1),
		st:    newState(),
	}
}

// ID identifies the store; every New makes another.
func (f *Factory) ID() uuid.UUID { return f.id }

// Traits declares a store that forgets.
func (f *Factory) Traits() storage.Traits {
	return storage.Traits{AtomicBatch: true, AtomicLoad: true, Writers: maxWriters, Metas: encoding}
}

// Models returns the models by ascending name.
func (f *Factory) Models(ctx context.Context) ([]storage.ModelInfo, error) {
	var infos []storage.ModelInfo
	err := f.read(ctx, func(s *state) error {
		for _, name := range s.names() {
			infos = append(infos, copyInfo(s.models[name].info))
		}
		return nil
	})
	return infos, err
}

// SaveModel makes a model, or replaces what is remembered of it.
func (f *Factory) SaveModel(ctx context.Context, info storage.ModelInfo) error {
	if info.Name == "" {
		return errors.New("save model: the name is empty")
	}
	return f.write(ctx, func(s *state) error {
		if s.models[info.Name] == nil {
			s.models[info.Name] = newModel()
		}
		s.change(info.Name).info = copyInfo(info)
		return nil
	})
}

func copyInfo(info storage.ModelInfo) storage.ModelInfo {
	info.IndexedPaths = slices.Clone(info.IndexedPaths)
	info.UniquePaths = slices.Clone(info.UniquePaths)
	info.Declaration = bytes.Clone(info.Declaration)
	return info
}

// Build returns the stores of a model.
func (f *Factory) Build(ctx context.Context, name string) (storage.Stores, error) {
	err := f.read(ctx, func(s *state) error { return s.has(name) })
	if err != nil {
		return storage.Stores{}, err
	}
	src := source{f: f, name: name}
	return storage.Stores{
		Metas:     metaStore{metaReader{src}},
		Revisions: revisionStore{revisionReader{src}},
	}, nil
}

// Unit returns the store's unit of work.
func (f *Factory) Unit() storage.UnitOfWork { return unit{f} }

// Ledger returns the jobs of the store.
func (f *Factory) Ledger() storage.Ledger { return ledger{f} }

// Garbage returns what garbage collection needs.
func (f *Factory) Garbage() storage.Garbage { return garbage{f} }

// BuildBlobStore returns the store's blobs, always the same.
func (f *Factory) BuildBlobStore(ctx context.Context) (storage.BlobStore, error) {
	return f.blobs, ctx.Err()
}

// Close ends the store; what follows gives an error. Its content is gone.
func (f *Factory) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.st = state{closed: true}
	return nil
}

// read calls fn with the state, which fn must not change or keep.
func (f *Factory) read(ctx context.Context, fn func(*state) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.st.closed {
		return errClosed
	}
	return fn(&f.st)
}

// write calls fn with the state to change. fn checks everything that can go
// wrong before its first change, for nothing is rolled back.
func (f *Factory) write(ctx context.Context, fn func(*state) error) error {
	release, err := f.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
	return f.apply(fn)
}

// takeTurn waits until no other writer is at work.
func (f *Factory) takeTurn(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case f.turn <- struct{}{}:
		return func() { <-f.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another writer: %w", ctx.Err())
	}
}

// apply changes the state; the caller holds the turn.
func (f *Factory) apply(fn func(*state) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.st.closed {
		return errClosed
	}
	return fn(&f.st)
}
