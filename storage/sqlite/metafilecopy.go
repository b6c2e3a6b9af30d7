package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	sqlite "modernc.org/sqlite"

	"github.com/specstar-worker/worker/storage"
)

// fileCopy is a temporary database of SQLite, which is in memory until it is large, and
// in no directory.
type fileCopy struct {
	filePages
	db *sql.DB
}

// Close frees the copy.
func (c fileCopy) Close() error { return c.db.Close() }

// Copy copies the file as it is now.
func (m *metaFile) Copy(ctx context.Context) (storage.MetaCopy, error) {
	db, err := m.copy(ctx)
	if err != nil {
		return nil, explain(m.path, "copy metas", err)
	}
	return fileCopy{filePages: filePages{f: m.f, q: db, model: m.model}, db: db}, nil
}

func (m *metaFile) copy(ctx context.Context) (*sql.DB, error) {
	conn, err := m.reads.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var copied driver.Conn
	err = conn.Raw(func(c any) error {
		b, err := c.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		}).NewBackup("")
		if err != nil {
			return err
		}
		if _, err := b.Step(-1); err != nil {
			return errors.Join(err, b.Finish())
		}
		copied, err = b.Commit()
		return err
	})
	if err = errors.Join(err, conn.Close()); err != nil {
		return nil, err
	}
	db := sql.OpenDB(&given{conn: copied})
	db.SetMaxOpenConns(1) // another one would be another database
	return db, nil
}

// given is a connector that has one connection.
type given struct{ conn driver.Conn }

// Connect gives it, once.
func (g *given) Connect(context.Context) (driver.Conn, error) {
	if g.conn == nil {
		return nil, errors.New("the copy of the metas is closed")
	}
	conn := g.conn
	g.conn = nil
	return conn, nil
}

// Driver is that of SQLite.
func (g *given) Driver() driver.Driver { return &sqlite.Driver{} }
