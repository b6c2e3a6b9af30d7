package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// server is a private PostgreSQL with the durability of a real one.
type server struct {
	*pgtest.Server
	made int // databases
}

func startServer(ctx context.Context) (*server, error) {
	s, err := pgtest.Start(ctx, pgtest.Options{Durable: true, Settings: map[string]string{
		"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
	}})
	if err != nil {
		return nil, err
	}
	return &server{Server: s}, nil
}

func (s *server) stop() error { return s.Stop(pgtest.Fast) }

// database makes an empty database; drop removes it.
func (s *server) database(ctx context.Context) (dsn string, drop func() error, err error) {
	s.made++
	name := fmt.Sprintf("bench%d", s.made)
	dsn, err = s.CreateDatabase(ctx, name, pgtest.DatabaseOptions{})
	if err != nil {
		return "", nil, err
	}
	return dsn, func() error { return s.DropDatabase(context.WithoutCancel(ctx), name) }, nil
}

// store is a fresh store with the model in it.
type store struct {
	*postgres.Factory
	dsn  string
	drop func() error
}

func (s *server) store(ctx context.Context, connections int) (*store, error) {
	dsn, drop, err := s.database(ctx)
	if err != nil {
		return nil, err
	}
	f, err := postgres.Open(ctx, postgres.Config{DSN: withPool(dsn, connections)})
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

// checkpoint lets no measurement pay for pages that the one before has written.
func (t *store) checkpoint(ctx context.Context) error {
	return t.do(ctx, `CHECKPOINT`)
}

func (t *store) do(ctx context.Context, statement string) (err error) {
	conn, err := pgx.Connect(ctx, t.dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// withPool returns a connection string of a pool of so many connections.
func withPool(dsn string, connections int) string {
	sign := "?"
	if strings.Contains(dsn, "?") {
		sign = "&"
	}
	return dsn + sign + "pool_max_conns=" + strconv.Itoa(connections)
}
