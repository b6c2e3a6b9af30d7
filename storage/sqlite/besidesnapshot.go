package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	sqlite "modernc.org/sqlite"

	"github.com/specstar-worker/worker/storage"
)

// besideSnapshot holds copies of the files of metas: who reads a file of the original
// for long keeps its writers waiting. A copy is a temporary database of SQLite, which
// is in memory until it is large, and in no directory.
type besideSnapshot struct {
	b      *beside
	copies map[string]*sql.DB
}

// snapshot copies all metas while nobody of ours writes.
func (b *beside) snapshot(ctx context.Context) (storage.Snapshot, error) {
	s := &besideSnapshot{b: b, copies: map[string]*sql.DB{}}
	var err error
	if b.f.readOnly {
		err = b.whileNobodyWrites(ctx, func() error { return s.copy(ctx) })
	} else {
		err = b.alone(ctx, "open snapshot of", func() error { return s.copy(ctx) })
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// whileNobodyWrites is alone for a store that is only read, where nobody has written
// or the lock may be taken.
func (b *beside) whileNobodyWrites(ctx context.Context, fn func() error) (err error) {
	if err := b.settled(ctx); err != nil {
		return err
	}
	lock, err := os.Open(filepath.Join(b.f.dir, lockName))
	if err == nil {
		defer func() { err = withUndone(err, lock.Close()) }()
		if _, err := flock(ctx, lock, true); err != nil {
			return err
		}
	}
	return fn()
}

func (s *besideSnapshot) copy(ctx context.Context) error {
	models, err := s.b.models(ctx)
	if err != nil {
		return err
	}
	for _, model := range models {
		file, err := s.b.file(ctx, model)
		if err != nil {
			return err
		}
		if s.copies[model], err = file.copy(ctx); err != nil {
			return explain(file.path, "copy metas", err)
		}
	}
	return nil
}

// copy returns a copy of the file as it is now.
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

// Build returns the readers of a model. Its revisions are those that are there.
func (s *besideSnapshot) Build(_ context.Context, model string) (storage.MetaReader, storage.RevisionReader, error) {
	db, ok := s.copies[model]
	if !ok {
		return nil, nil, fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
	}
	return fileReader{b: s.b, q: db, model: model, copy: true}, s.b.reader(model), nil
}

// Close frees the copies. A second Close does nothing.
func (s *besideSnapshot) Close() error {
	var errs []error
	for _, db := range s.copies {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	s.copies = nil
	return errors.Join(errs...)
}
