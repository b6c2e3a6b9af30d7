package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// writeCopies copies the rows without a queue, as many transactions at a time as there
// are connections: the limit.
func (b *alone) writeCopies(ctx context.Context, t *store, begin, end func()) (err error) {
	conns := make(chan *pgx.Conn, b.connections)
	defer func() {
		close(conns)
		for conn := range conns {
			err = errors.Join(err, conn.Close(ctx))
		}
	}()
	for range b.connections {
		conn, err := pgx.Connect(ctx, t.dsn)
		if err != nil {
			return err
		}
		conns <- conn
	}
	begin()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(b.connections)
	for _, parts := range b.work.copies {
		g.Go(func() error {
			conn := <-conns
			defer func() { conns <- conn }()
			return copyParts(gctx, conn, parts)
		})
	}
	err = g.Wait()
	end()
	return err
}

func copyParts(ctx context.Context, conn *pgx.Conn, parts [][]byte) error {
	return pgx.BeginFunc(ctx, conn, func(pgx.Tx) error {
		for i, rows := range parts {
			t := tables[i]
			if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(rows), `COPY `+t.name+` (`+t.columns+`) FROM STDIN BINARY`); err != nil {
				return fmt.Errorf("copy into %s: %w", t.name, err)
			}
		}
		return nil
	})
}
