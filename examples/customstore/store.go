package customstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/diskblob"
	"github.com/specstar-worker/worker/storage/simple"
)

var errClosed = errors.New("the store is closed")

// Store is a store in one file. It implements [storage.Factory].
type Store struct {
	*simple.Store
	path  string
	blobs *diskblob.Store
	// turn is held by the one writer, from its reads to its commit.
	turn chan struct{}
	// committed is what the file holds; whoever has the turn uses it.
	committed []byte
	// current is decoded from that and never changed: readers need no lock, and a
	// snapshot is a pointer.
	current atomic.Pointer[simple.State]
	closed  atomic.Bool
}

// Open opens the store in dir, making it when it is not there.
func Open(ctx context.Context, dir string) (*Store, error) {
	s := &Store{path: filepath.Join(dir, "store.json"), turn: make(chan struct{}, 1)}
	if err := s.open(ctx, dir); err != nil {
		return nil, fmt.Errorf("open the store in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	data, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		err = s.commit(simple.NewState())
	} else if err == nil {
		err = s.show(data)
	}
	if err != nil {
		return err
	}
	// It can do everything, for one writer at a time.
	s.Store, err = simple.New(ctx, s, storage.Traits{AtomicBatch: true, AtomicLoad: true, Durable: true, Writers: 1})
	if err != nil {
		return err
	}
	s.blobs, err = diskblob.Open(ctx, diskblob.Config{Dir: filepath.Join(dir, "blobs")})
	return err
}

// Read returns the state as it is.
func (s *Store) Read(ctx context.Context) (*simple.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.closed.Load() {
		return nil, errClosed
	}
	return s.current.Load(), nil
}

// Write is a transaction: the copy that change made is the state when the file
// holds it.
func (s *Store) Write(ctx context.Context, change func(*simple.State) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done(): // whoever waits may stop waiting (G7)
		return ctx.Err()
	}
	if _, err := s.Read(ctx); err != nil {
		return err
	}
	next, err := simple.Decode(s.committed)
	if err != nil {
		return err
	}
	if err := change(next); err != nil {
		if err == simple.ErrUnchanged {
			return nil
		}
		return err // as it is, and nothing was written (G3)
	}
	if err := ctx.Err(); err != nil { // the last moment to turn back (G7)
		return err
	}
	return s.commit(next)
}

// commit makes a state the current one, in the file first (G1, G2).
func (s *Store) commit(next *simple.State) error {
	data, err := next.Encode()
	if err != nil {
		return err
	}
	if err := replace(s.path, data); err != nil {
		return fmt.Errorf("write %s: %w: %w", s.path, storage.ErrUnavailable, err)
	}
	return s.show(data)
}

// show decodes what the file holds: it shares nothing with what callers passed
// (G20).
func (s *Store) show(data []byte) error {
	st, err := simple.Decode(data)
	if err != nil {
		return err
	}
	s.committed = data
	s.current.Store(st)
	return nil
}

// BuildBlobStore returns the store's place for blobs.
func (s *Store) BuildBlobStore(context.Context) (storage.BlobStore, error) { return s.blobs, nil }

// Close may be called again.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.blobs.Close()
}
