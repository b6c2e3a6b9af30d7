package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/specstar-worker/worker/storage"
)

// metaFile is the file of the original's FileSqliteMetaStore with the metas of one
// model. It keeps its journal mode. In the original's mode a reader keeps writers
// waiting: nothing here reads for longer than a page takes.
type metaFile struct {
	filePages
	path  string
	reads *sql.DB
	write *writer // nil when read-only
}

var _ storage.ModelMetas = (*metaFile)(nil)

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
func openMetaFile(ctx context.Context, f *Factory, model, path string, makes bool) (*metaFile, error) {
	if makes {
		if err := makeDirs(filepath.Dir(path)); err != nil {
			return nil, explain(path, "make", err)
		}
	} else if !exists(path) {
		return nil, fmt.Errorf("open metas %s: %w", path, os.ErrNotExist)
	}
	m := &metaFile{path: path}
	var err error
	if !f.readOnly {
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
	m.filePages = filePages{f: f, q: m.reads, model: model}
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
