package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// store is a database with the empty tables of the model in it.
type store struct {
	*postgres.Factory
	catalog *manager.Catalog
	dsn     string
}

// openStore makes the tables in an empty database.
func openStore(ctx context.Context, dsn string) (*store, error) {
	f, err := postgres.Open(ctx, postgres.Config{DSN: dsn})
	if err != nil {
		return nil, err
	}
	t := &store{Factory: f, catalog: manager.NewCatalog(f, nil, manager.Options{}), dsn: dsn}
	err = f.SaveModel(ctx, storage.ModelInfo{Name: model, Encoding: "json", IndexedPaths: []string{"level", "name", "team"}})
	if err == nil {
		err = pgserver.Checkpoint(ctx, dsn)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// holds fails unless every table has as many rows as resources were written.
func (t *store) holds(ctx context.Context, n int) (err error) {
	conn, err := pgx.Connect(ctx, t.dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, table := range tables {
		var rows int
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM `+table.name).Scan(&rows); err != nil {
			return err
		}
		if rows != n {
			return fmt.Errorf("%s has %d rows, not %d", table.name, rows, n)
		}
	}
	return nil
}
