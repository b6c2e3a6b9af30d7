package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
)

// model is the name of the model that is written.
const model = "item"

// payloadBytes is how long a payload is.
const payloadBytes = 800

// tables are the original's tables of the model and their columns, in the order in
// which a transaction writes them.
var tables = []struct{ name, columns, key string }{
	{"item_meta", "resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted, schema_version, indexed_data, " +
		"rev_status, rev_created_by, rev_updated_by, rev_created_time, rev_updated_time", "resource_id"},
	{"item_resource_data", "uid, data, info", "uid"},
	{"item_resource_index", "resource_id, revision_id, schema_version, uid", "resource_id, revision_id, schema_version"},
}

// work is what every side writes: the same resources, each with its first revision.
type work struct {
	ops []manager.Operation
	// rows are what the tables hold afterwards, for each table the rows in the order
	// of ops; copies are the same as COPY takes them, by transaction.
	rows   [][][]any
	copies [][][]byte
}

// makeWork makes the operations. Of a side that needs more it writes them once, into an
// empty database, and keeps what is in the tables then.
func (b *alone) makeWork(ctx context.Context, dsn string) (_ work, err error) {
	w := work{ops: operations(max(b.resourcesOf(), b.pacedJobs()))}
	if b.needs == (needs{}) {
		return w, nil
	}
	if err := w.writeOps(ctx, dsn, b.bulk); err != nil {
		return w, err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if b.needs.rows {
		err = w.readRows(ctx, conn)
	}
	if b.needs.copies && err == nil {
		err = w.readCopies(ctx, conn, b.bulk, b.resources)
	}
	return w, err
}

// writeOps writes the operations, so many in a batch.
func (w *work) writeOps(ctx context.Context, dsn string, batch int) (err error) {
	t, err := openStore(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	m, err := t.catalog.Open(ctx, model)
	if err != nil {
		return err
	}
	for ops := range slices.Chunk(w.ops, batch) {
		if _, err := m.SaveMany(ctx, ops); err != nil {
			return err
		}
	}
	return nil
}

// operations returns n creations of resources with random ids.
func operations(n int) []manager.Operation {
	r := rand.New(rand.NewPCG(5, 6))
	at := time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)
	ops := make([]manager.Operation, n)
	for i := range ops {
		payload := fmt.Sprintf(`{"name":"item-%d","level":%d,"team":"team-%d","body":"%s`, i, i%100, i%50, randomUUID(r))
		payload += strings.Repeat("x", payloadBytes-len(payload)-2) + `"}`
		ops[i] = manager.Operation{
			Op: manager.OpCreate, ResourceID: resource.ID(model + ":" + randomUUID(r).String()), User: "importer",
			Time: at.Add(time.Duration(i) * time.Millisecond), Data: []byte(payload),
		}
	}
	return ops
}

func randomUUID(r *rand.Rand) (id uuid.UUID) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// selects returns a query of the rows of each table for the resources of the temporary
// table part, in its order.
func selects(text bool) []string {
	meta := tables[0].columns
	if text {
		meta = strings.Replace(meta, "indexed_data", "indexed_data::text", 1)
	}
	return []string{
		`SELECT ` + meta + ` FROM item_meta JOIN part ON id = resource_id ORDER BY o`,
		`SELECT d.uid, d.data, d.info FROM item_resource_data AS d JOIN item_resource_index AS i ON i.uid = d.uid JOIN part ON id = i.resource_id ORDER BY o`,
		`SELECT ` + tables[2].columns + ` FROM item_resource_index JOIN part ON id = resource_id ORDER BY o`,
	}
}

// choose makes the temporary table of the resources from one to another.
func (w *work) choose(ctx context.Context, conn *pgx.Conn, from, to int) error {
	ids := make([]string, 0, to-from)
	for _, op := range w.ops[from:to] {
		ids = append(ids, string(op.ResourceID))
	}
	if _, err := conn.Exec(ctx, `DROP TABLE IF EXISTS part`); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, `CREATE TEMP TABLE part AS SELECT id, o FROM unnest($1::text[]) WITH ORDINALITY AS u (id, o)`, ids)
	return err
}

func (w *work) readRows(ctx context.Context, conn *pgx.Conn) error {
	if err := w.choose(ctx, conn, 0, len(w.ops)); err != nil {
		return err
	}
	for _, query := range selects(true) {
		rows, err := conn.Query(ctx, query)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
		if err != nil {
			return err
		}
		if len(all) != len(w.ops) {
			return fmt.Errorf("%d rows of %d resources", len(all), len(w.ops))
		}
		w.rows = append(w.rows, all)
	}
	return nil
}

func (w *work) readCopies(ctx context.Context, conn *pgx.Conn, batch, n int) error {
	for from := 0; from < n; from += batch {
		if err := w.choose(ctx, conn, from, min(from+batch, n)); err != nil {
			return err
		}
		var parts [][]byte
		for _, query := range selects(false) {
			var b bytes.Buffer
			if _, err := conn.PgConn().CopyTo(ctx, &b, `COPY (`+query+`) TO STDOUT BINARY`); err != nil {
				return err
			}
			parts = append(parts, b.Bytes())
		}
		w.copies = append(w.copies, parts)
	}
	return nil
}
