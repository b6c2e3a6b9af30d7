package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/resource"
)

// copied are the rows of one batch as COPY takes them, by commands.
type copied struct{ meta, data, index [][]byte }

// Columns of the original's tables.
const (
	metaColumns = "resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted, schema_version, indexed_data, " +
		"rev_status, rev_created_by, rev_updated_by, rev_created_time, rev_updated_time"
	dataColumns  = "uid, data, info"
	indexColumns = "resource_id, revision_id, schema_version, uid"
)

// readCopied reads what a store holds of records, batch by batch in their order, for
// commands of so many rows.
func readCopied(ctx context.Context, t *store, r records, o options, rows int) (all []copied, err error) {
	conn, err := pgx.Connect(ctx, t.dsn)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	// A batch is looked up by keys; whole tables would be hashed for each otherwise.
	if _, err := conn.Exec(ctx, `SET enable_hashjoin = off; SET enable_mergejoin = off`); err != nil {
		return nil, err
	}
	for from := 0; from < len(r.metas); from += o.batch {
		part := r.chunk(from, min(from+o.batch, len(r.metas)))
		var c copied
		for metas := range slices.Chunk(part.metas, rows) {
			if err := c.read(ctx, conn, metas); err != nil {
				return nil, err
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// read adds the rows of resources, as one command for each table.
func (c *copied) read(ctx context.Context, conn *pgx.Conn, metas []resource.Meta) error {
	ids := make([]string, len(metas))
	for i := range metas {
		ids[i] = string(metas[i].ResourceID)
	}
	if _, err := conn.Exec(ctx, `CREATE TEMP TABLE part AS SELECT id, o FROM unnest($1::text[]) WITH ORDINALITY AS u (id, o)`, ids); err != nil {
		return err
	}
	for _, q := range []struct {
		to    *[][]byte
		query string
	}{
		{&c.meta, `SELECT ` + metaColumns + ` FROM item_meta JOIN part ON id = resource_id ORDER BY o`},
		{&c.data, `SELECT d.uid, d.data, d.info FROM item_resource_data AS d JOIN item_resource_index AS i ON i.uid = d.uid JOIN part ON id = i.resource_id ORDER BY o`},
		{&c.index, `SELECT ` + indexColumns + ` FROM item_resource_index JOIN part ON id = resource_id ORDER BY o`},
	} {
		var b bytes.Buffer
		if _, err := conn.PgConn().CopyTo(ctx, &b, `COPY (`+q.query+`) TO STDOUT BINARY`); err != nil {
			return err
		}
		*q.to = append(*q.to, b.Bytes())
	}
	_, err := conn.Exec(ctx, `DROP TABLE part`)
	return err
}

// writeCopied copies batches into the empty tables of a store: the limit.
func writeCopied(ctx context.Context, t *store, batches []copied, o options) (err error) {
	conns := make(chan *pgx.Conn, o.connections)
	for range o.connections {
		conn, err := pgx.Connect(ctx, t.dsn)
		if err != nil {
			return err
		}
		conns <- conn
	}
	defer func() {
		for range o.connections {
			err = errors.Join(err, (<-conns).Close(ctx))
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.connections)
	for _, c := range batches {
		g.Go(func() error {
			conn := <-conns
			defer func() { conns <- conn }()
			return c.write(ctx, conn)
		})
	}
	return g.Wait()
}

func (c copied) write(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, `BEGIN`); err != nil {
		return err
	}
	for _, part := range []struct {
		table, columns string
		commands       [][]byte
	}{{"item_meta", metaColumns, c.meta}, {"item_resource_data", dataColumns, c.data}, {"item_resource_index", indexColumns, c.index}} {
		for _, rows := range part.commands {
			if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(rows), `COPY `+part.table+` (`+part.columns+`) FROM STDIN BINARY`); err != nil {
				return fmt.Errorf("copy into %s: %w", part.table, err)
			}
		}
	}
	_, err := conn.Exec(ctx, `COMMIT`)
	return err
}
