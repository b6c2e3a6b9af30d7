package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"

	lib "modernc.org/sqlite/lib"

	"github.com/specstar-worker/worker/storage"
)

// idleReads is how many reading connections are kept when nobody reads.
const idleReads = 4

// openReads opens the pool of reading connections. It has no upper bound: a
// reader may open another while it iterates, and would wait for itself.
func openReads(path string, extra url.Values) (*sql.DB, error) {
	db, err := sql.Open("sqlite", readDSN(path, extra))
	if err != nil {
		return nil, explain(path, "open store", err)
	}
	db.SetMaxIdleConns(idleReads)
	return db, nil
}

// openForReading opens the store without making or changing anything in it. A
// store on a medium that cannot be written, and that no process has open, is
// read as immutable: SQLite could not make its shared memory file there.
func (f *Factory) openForReading(ctx context.Context, c Config) error {
	if !Exists(c.Dir) {
		return fmt.Errorf("open store %s: %w", f.path, storage.ErrNotFound)
	}
	var err error
	if f.reads, err = openReads(f.path, nil); err != nil {
		return err
	}
	err = f.reads.PingContext(ctx)
	if err == nil {
		_, err = f.reads.ExecContext(ctx, `SELECT count(*) FROM sqlite_schema`)
	}
	if c := code(err); (c == lib.SQLITE_CANTOPEN || c == lib.SQLITE_READONLY) && !exists(f.path+"-wal") {
		if err := f.reads.Close(); err != nil {
			return err
		}
		if f.reads, err = openReads(f.path, url.Values{"immutable": {"1"}}); err != nil {
			return err
		}
	}
	if f.layout, err = readLayout(ctx, f.reads, f.path); err != nil {
		return err
	}
	if f.layout < oldestReadable {
		return fmt.Errorf("open store %s: it holds no store yet: open it once for writing", f.path)
	}
	f.identity, err = readIdentity(ctx, f.reads, f.prefix)
	return explain(f.path, "open store", err)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
