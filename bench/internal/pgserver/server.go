// Package pgserver is the PostgreSQL that commands measure on: a private server with
// the durability of a real one, and databases that come and go.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
)

// Server is a private PostgreSQL.
type Server struct {
	*pgtest.Server
	made int // databases
}

// Start starts a server, with room for what a round writes before the next checkpoint.
func Start(ctx context.Context) (*Server, error) {
	s, err := pgtest.Start(ctx, pgtest.Options{Durable: true, Settings: map[string]string{
		"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
	}})
	if err != nil {
		return nil, err
	}
	return &Server{Server: s}, nil
}

// Stop ends the server and removes what it wrote.
func (s *Server) Stop() error { return s.Server.Stop(pgtest.Fast) }

// Database makes an empty database; drop removes it.
func (s *Server) Database(ctx context.Context) (dsn string, drop func() error, err error) {
	s.made++
	name := fmt.Sprintf("bench%d", s.made)
	dsn, err = s.CreateDatabase(ctx, name, pgtest.DatabaseOptions{})
	if err != nil {
		return "", nil, err
	}
	return dsn, func() error { return s.DropDatabase(context.WithoutCancel(ctx), name) }, nil
}

// Checkpoint writes out what is dirty, the file system's changes too, so that no measurement
// pays for what the one before, or the end of its database, has left to be written.
func Checkpoint(ctx context.Context, dsn string) (err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, `CHECKPOINT`)
	syscall.Sync()
	return err
}

// WithPool returns a connection string of a pool of so many connections.
func WithPool(dsn string, connections int) string {
	sign := "?"
	if strings.Contains(dsn, "?") {
		sign = "&"
	}
	return dsn + sign + "pool_max_conns=" + strconv.Itoa(connections)
}
