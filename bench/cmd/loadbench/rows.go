package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// batch is how many resources one transaction of COPY writes, connections how many run
// at the same time.
const (
	batch       = 1000
	connections = 2
)

// copied are the rows of one batch as COPY takes them, by table.
type copied [3][]byte

// tables are those of the model, with the columns that COPY writes and how the rows of a
// part are selected.
var tables = [3]struct{ name, columns, rows string }{
	{
		"item_meta", "resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted, schema_version, indexed_data, " +
			"rev_status, rev_created_by, rev_updated_by, rev_created_time, rev_updated_time", `FROM item_meta JOIN part USING (resource_id)`,
	},
	{"item_resource_data", "uid, data, info", `FROM item_resource_data WHERE uid IN (SELECT uid FROM item_resource_index JOIN part USING (resource_id))`},
	{"item_resource_index", "resource_id, revision_id, schema_version, uid", `FROM item_resource_index JOIN part USING (resource_id)`},
}

// readRows reads the rows that a load has written, in batches by the order in which
// they were written.
func readRows(ctx context.Context, dsn string) (all []copied, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, `CREATE TEMP TABLE parts AS SELECT resource_id, (row_number() OVER (ORDER BY ctid) - 1) / 1000 AS no FROM item_meta;
		CREATE INDEX ON parts (no); ANALYZE parts; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off`); err != nil {
		return nil, err
	}
	var n int
	if err := conn.QueryRow(ctx, `SELECT max(no) + 1 FROM parts`).Scan(&n); err != nil {
		return nil, err
	}
	for no := range n {
		if _, err := conn.Exec(ctx, fmt.Sprintf(`CREATE TEMP TABLE part AS SELECT resource_id FROM parts WHERE no = %d`, no)); err != nil {
			return nil, err
		}
		var c copied
		for i, t := range tables {
			var b bytes.Buffer
			if _, err := conn.PgConn().CopyTo(ctx, &b, `COPY (SELECT `+t.columns+` `+t.rows+`) TO STDOUT BINARY`); err != nil {
				return nil, err
			}
			c[i] = bytes.Clone(b.Bytes())
		}
		all = append(all, c)
		if _, err := conn.Exec(ctx, `DROP TABLE part`); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// writeRows copies the batches into the empty tables of a store: the limit.
func writeRows(ctx context.Context, dsn string, batches []copied) error {
	next := make(chan copied)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(next)
		for _, c := range batches {
			select {
			case next <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range connections {
		g.Go(func() (err error) {
			conn, err := pgx.Connect(ctx, dsn)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
			for c := range next {
				if err := c.write(ctx, conn); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func (c copied) write(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, `BEGIN`); err != nil {
		return err
	}
	for i, t := range tables {
		var rows io.Reader = bytes.NewReader(c[i])
		if _, err := conn.PgConn().CopyFrom(ctx, rows, `COPY `+t.name+` (`+t.columns+`) FROM STDIN BINARY`); err != nil {
			return fmt.Errorf("copy into %s: %w", t.name, err)
		}
	}
	_, err := conn.Exec(ctx, `COMMIT`)
	return err
}
