package main

import (
	"context"
	"errors"

	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// server makes the stores of the measurements.
type server struct{ *pgserver.Server }

// store is a fresh store with the model in it.
type store struct {
	*postgres.Factory
	dsn  string
	drop func() error
}

func (s *server) store(ctx context.Context, connections int) (*store, error) {
	dsn, drop, err := s.Database(ctx)
	if err != nil {
		return nil, err
	}
	f, err := postgres.Open(ctx, postgres.Config{DSN: pgserver.WithPool(dsn, connections)})
	if err != nil {
		return nil, errors.Join(err, drop())
	}
	t := &store{Factory: f, dsn: dsn, drop: drop}
	if err := f.SaveModel(ctx, storage.ModelInfo{Name: model, Encoding: "json", IndexedPaths: []string{"level", "name", "team"}}); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *store) close() error { return errors.Join(t.Factory.Close(), t.drop()) }
