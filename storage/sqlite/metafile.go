package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// metaFile is the file of the original's FileSqliteMetaStore with the metas of one
// model. It keeps its journal mode. In the original's mode a reader keeps writers
// waiting: nothing here reads for longer than a page takes.
type metaFile struct {
	path  string
	reads *sql.DB
	write *writer // nil when read-only
}

// metaTable are the statements of the original that make the table.
var metaTable = []string{
	`CREATE TABLE IF NOT EXISTS resource_meta (
                resource_id TEXT PRIMARY KEY,
                data BLOB NOT NULL,
                created_time REAL NOT NULL,
                updated_time REAL NOT NULL,
                created_by TEXT NOT NULL,
                updated_by TEXT NOT NULL,
                is_deleted INTEGER NOT NULL,
                schema_version TEXT,
                indexed_data TEXT,
                rev_status TEXT,
                rev_created_by TEXT,
                rev_updated_by TEXT,
                rev_created_time REAL,
                rev_updated_time REAL
            )`,
}

// lateColumns are those that files of older releases of the original lack.
var lateColumns = []struct{ name, kind string }{
	{"indexed_data", "TEXT"},
	{"schema_version", "TEXT"},
	{"rev_status", "TEXT"},
	{"rev_created_by", "TEXT"},
	{"rev_updated_by", "TEXT"},
	{"rev_created_time", "REAL"},
	{"rev_updated_time", "REAL"},
}

// indexedColumns have an index of the original each, idx_ and the name.
var indexedColumns = []string{
	"created_time", "updated_time", "created_by", "updated_by", "is_deleted",
	"rev_status", "rev_created_by", "rev_updated_by", "rev_created_time", "rev_updated_time",
}

// writeFileDSN names the writing connection of a file of metas. Its journal is the
// file's; extra also makes durable that a journal is gone, which is the commit.
func writeFileDSN(path string) string {
	return dsn(path, url.Values{"_pragma": {busyTimeout, "synchronous(extra)"}})
}

// openMetaFile opens a file of metas. For writing, the columns are added that it
// lacks; makes makes it when it is not there.
func openMetaFile(ctx context.Context, path string, readOnly, makes bool) (*metaFile, error) {
	if makes {
		if err := makeDirs(filepath.Dir(path)); err != nil {
			return nil, explain(path, "make", err)
		}
	} else if !exists(path) {
		return nil, fmt.Errorf("open metas %s: %w", path, os.ErrNotExist)
	}
	m := &metaFile{path: path}
	var err error
	if !readOnly {
		var db *sql.DB
		if db, err = sql.Open("sqlite", writeFileDSN(path)); err != nil {
			return nil, explain(path, "open metas", err)
		}
		db.SetMaxOpenConns(1)
		m.write = newWriter(path, db)
		if err := m.prepare(ctx); err != nil {
			return nil, errors.Join(explain(path, "open metas", err), m.close())
		}
	}
	if m.reads, err = openReads(path, nil); err != nil {
		return nil, errors.Join(err, m.close())
	}
	m.reads.SetMaxIdleConns(1)
	return m, nil
}

// makeDirs makes a directory with those above it, durably.
func makeDirs(dir string) error {
	if exists(dir) {
		return nil
	}
	if err := makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	above, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return err
	}
	return errors.Join(above.Sync(), above.Close())
}

// prepare makes what the table lacks, as the original does when it opens it.
func (m *metaFile) prepare(ctx context.Context) error {
	missing, err := m.missing(ctx)
	if err != nil || !missing {
		return err
	}
	return m.write.do(ctx, "make the table of", func(t *tx) error {
		for _, s := range metaTable {
			if _, err := t.w.conn.ExecContext(t.run, s); err != nil {
				return err
			}
		}
		have := map[string]bool{}
		if err := t.each(`SELECT name FROM pragma_table_info('resource_meta')`, nil, func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			have[name] = true
			return err
		}); err != nil {
			return err
		}
		for _, c := range lateColumns {
			if have[c.name] {
				continue
			}
			if _, err := t.w.conn.ExecContext(t.run, `ALTER TABLE resource_meta ADD COLUMN `+c.name+` `+c.kind); err != nil {
				return err
			}
		}
		for _, c := range indexedColumns {
			if _, err := t.w.conn.ExecContext(t.run, `CREATE INDEX IF NOT EXISTS idx_`+c+` ON resource_meta(`+c+`)`); err != nil {
				return err
			}
		}
		return nil
	})
}

// missing reports whether the file lacks a column or an index.
func (m *metaFile) missing(ctx context.Context) (bool, error) {
	var columns, indexes int
	err := m.write.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM pragma_table_info('resource_meta') WHERE name <> 'resource_id'),
		(SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'idx\_%' ESCAPE '\')`).Scan(&columns, &indexes)
	return columns < 13 || indexes < len(indexedColumns), err
}

func (m *metaFile) close() error {
	var errs []error
	if m.reads != nil {
		errs = append(errs, m.reads.Close())
	}
	if m.write != nil {
		errs = append(errs, m.write.close())
	}
	return errors.Join(errs...)
}

// lock begins a transaction that keeps everybody out until end. Nobody reads between
// then, so that its commit waits for nobody.
func (m *metaFile) lock(ctx context.Context) (*tx, error) {
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
	return &tx{w: m.write, ctx: ctx, run: context.WithoutCancel(ctx)}, nil
}

// end ends the transaction of lock.
func (m *metaFile) end(t *tx, commit bool) error {
	defer func() { <-m.write.turn }()
	if commit {
		_, err := t.exec(`COMMIT`)
		if err == nil {
			return nil
		}
		m.write.rollback()
		return explain(m.path, "write metas", err)
	}
	m.write.rollback()
	return nil
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
func (t *tx) setFile(metas []metaChange) error {
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

// stored returns the bytes of those metas that are there.
func (t *tx) stored(ids []resource.ID) (map[resource.ID][]byte, error) {
	found := make(map[resource.ID][]byte, len(ids))
	err := t.each(selectStored, []any{jsonIDs(ids)}, func(rows *sql.Rows) error {
		var id resource.ID
		var data []byte
		err := rows.Scan(&id, &data)
		found[id] = data
		return err
	})
	return found, err
}

// selectStored selects the metas of a JSON array of ids.
const selectStored = `SELECT m.resource_id, m.data FROM json_each(?) AS j CROSS JOIN resource_meta AS m ON m.resource_id = j.value`
