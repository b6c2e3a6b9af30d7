package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/specstar-worker/worker/bench/internal/scratch"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// store is a fresh embedded store with the model in it.
type store struct {
	scratch scratch.Scratch
	factory *sqlite.Factory
	manager *manager.Manager
}

func newStore(ctx context.Context) (_ *store, err error) {
	s := &store{}
	if s.scratch, err = scratch.New(); err != nil {
		return nil, err
	}
	if s.factory, err = sqlite.Open(ctx, sqlite.Config{Dir: s.dir()}); err != nil {
		return nil, errors.Join(err, s.scratch.Close())
	}
	blobs, err := storage.BuildBlobStore(ctx, s.factory)
	if err == nil {
		s.manager, err = manager.NewCatalog(s.factory, blobs, manager.Options{}).Declare(ctx, model)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) dir() string { return filepath.Join(s.scratch.Dir, "data") }

// file is the path of the SQLite file.
func (s *store) file() string { return filepath.Join(s.dir(), "specstar.db") }

func (s *store) close() error { return errors.Join(s.factory.Close(), s.scratch.Close()) }
