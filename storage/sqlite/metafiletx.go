package sqlite

import (
	"context"
	"database/sql"
	"math/big"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// fileTx is a transaction of a file of metas. It keeps everybody out: nobody reads
// meanwhile, so that its commit waits for nobody.
type fileTx struct {
	m *metaFile
	t *tx // nil when it has ended
}

var _ storage.MetaTx = (*fileTx)(nil)

// Begin locks the file.
func (m *metaFile) Begin(ctx context.Context) (storage.MetaTx, error) {
	select {
	case m.write.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := m.write.begin(ctx, "", `BEGIN EXCLUSIVE`); err != nil {
		if m.write.conn != nil {
			m.write.rollback()
		}
		<-m.write.turn
		return nil, explain(m.path, "write metas", err)
	}
	return &fileTx{m: m, t: &tx{w: m.write, ctx: ctx, run: context.WithoutCancel(ctx)}}, nil
}

// Find returns the bytes of those metas that are there.
func (x *fileTx) Find(ids []resource.ID) (map[resource.ID][]byte, error) {
	found := make(map[resource.ID][]byte, len(ids))
	err := x.t.each(selectStored, []any{jsonIDs(ids)}, func(rows *sql.Rows) error {
		var id resource.ID
		var data []byte
		err := rows.Scan(&id, &data)
		found[id] = data
		return err
	})
	return found, explain(x.m.path, "write metas", err)
}

// Set writes rows.
func (x *fileTx) Set(changes []storage.MetaChange) error {
	return explain(x.m.path, "write metas", x.t.setFile(changes))
}

// Commit ends the transaction. Nobody could change a meta meanwhile.
func (x *fileTx) Commit() ([]resource.ID, error) {
	defer x.end()
	_, err := x.t.exec(`COMMIT`)
	if err != nil {
		x.m.write.rollback()
	}
	return nil, explain(x.m.path, "write metas", err)
}

// Rollback gives the transaction up. After its end it does nothing.
func (x *fileTx) Rollback() error {
	if x.t != nil {
		x.m.write.rollback()
		x.end()
	}
	return nil
}

func (x *fileTx) end() {
	x.t = nil
	<-x.m.write.turn
}

// upsertFile inserts or replaces one row of the original's table.
const upsertFile = `INSERT INTO resource_meta (resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted, schema_version, indexed_data,
	rev_status, rev_created_by, rev_updated_by, rev_created_time, rev_updated_time) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)
	ON CONFLICT (resource_id) DO UPDATE SET data = excluded.data, created_time = excluded.created_time, updated_time = excluded.updated_time,
	created_by = excluded.created_by, updated_by = excluded.updated_by, is_deleted = excluded.is_deleted,
	schema_version = excluded.schema_version, indexed_data = excluded.indexed_data,
	rev_status = excluded.rev_status, rev_created_by = excluded.rev_created_by, rev_updated_by = excluded.rev_updated_by,
	rev_created_time = excluded.rev_created_time, rev_updated_time = excluded.rev_updated_time`

// setFile writes rows of metas: the bytes of one are its data, nil removes it.
func (t *tx) setFile(metas []storage.MetaChange) error {
	for _, c := range metas {
		if err := t.check(); err != nil {
			return err
		}
		if c.New == nil {
			if _, err := t.exec(`DELETE FROM resource_meta WHERE resource_id = ?`, string(c.ID)); err != nil {
				return err
			}
			continue
		}
		m, err := decodeMeta(c.New)
		if err != nil {
			return err
		}
		_, err = t.exec(upsertFile, string(c.ID), c.New, seconds(m.CreatedTime), seconds(m.UpdatedTime), m.CreatedBy, m.UpdatedBy,
			m.IsDeleted, textOrNull(m.SchemaVersion), indexedText(m.IndexedData),
			textOrNull(m.Rev.Status), textOrNull(m.Rev.CreatedBy), textOrNull(m.Rev.UpdatedBy),
			secondsOrNull(m.Rev.CreatedTime), secondsOrNull(m.Rev.UpdatedTime))
		if err != nil {
			return err
		}
	}
	return nil
}

// indexedText is never NULL: the original tries to unpickle the data of rows where
// it is, each time it opens the file.
func indexedText(v opt.Value[resource.Indexed]) string {
	if x, ok := v.Get(); ok {
		return string(x.AppendJSON(nil))
	}
	return "{}"
}

// seconds is what Python's datetime.timestamp gives: the float nearest to the seconds
// since 1970. A time without a zone is one of the local zone there.
func seconds(t time.Time) float64 {
	if resource.IsNaive(t) {
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.Local)
	}
	f, _ := big.NewRat(t.UnixMicro(), 1_000_000).Float64()
	return f
}

func secondsOrNull(v opt.Value[time.Time]) any {
	if t, ok := v.Get(); ok {
		return seconds(t)
	}
	return nil
}

// selectStored selects the metas of a JSON array of ids.
const selectStored = `SELECT m.resource_id, m.data FROM json_each(?) AS j CROSS JOIN resource_meta AS m ON m.resource_id = j.value`
