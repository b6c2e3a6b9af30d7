package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/uuid"
	"github.com/pressly/goose/v3"
	lib "modernc.org/sqlite/lib"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

//go:embed migrations/*.sql
var migrations embed.FS

// layoutVersion is the user_version of a file that has every migration. The
// last migration sets it, so that opening needs one pragma and no table.
const layoutVersion = 7

// oldestReadable is the oldest layout that can be read without upgrading.
const oldestReadable = 1

// applicationID marks our files, see SQLite's application_id pragma.
const applicationID = 1397769556

// First openings that disturb each other are repeated, at most so often with
// these pauses: three seconds in all. The busy timeout does not cover the switch
// to the write-ahead log, and migrations are no single transaction.
const (
	migrateAttempts = 150
	migratePause    = 20 * time.Millisecond
)

// readLayout returns the version of the file, 0 for one without tables of ours.
// One that this program does not know is refused.
func readLayout(ctx context.Context, db *sql.DB, path string) (int, error) {
	var version, application int
	err := db.QueryRowContext(ctx, `SELECT user_version, application_id FROM pragma_user_version, pragma_application_id`).Scan(&version, &application)
	switch {
	case err != nil:
		return 0, explain(path, "open store", err)
	case version > layoutVersion:
		return 0, fmt.Errorf("open store %s: it has layout %d and this program knows up to %d: use a newer program, or a backup made before the upgrade", path, version, layoutVersion)
	case application != applicationID && (application != 0 || version != 0):
		return 0, fmt.Errorf("open store %s: it is a SQLite file of another program: choose another directory", path)
	}
	return version, nil
}

// migrate brings the file to layoutVersion. Two processes may try at once; the
// one that loses sees what the other did and tries again.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	for attempt := 1; ; attempt++ {
		version, err := readLayout(ctx, db, path)
		if version == layoutVersion {
			return nil
		}
		if err == nil {
			err = explain(path, "make the tables of store", runMigrations(ctx, db))
		}
		if !disturbed(err) || attempt == migrateAttempts {
			return err
		}
		select {
		case <-time.After(migratePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// disturbed reports whether another process may be the reason for an error of
// migrate: it held a lock, or had made a table already.
func disturbed(err error) bool {
	switch code(err) {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_ERROR, lib.SQLITE_CONSTRAINT:
		return true
	}
	return false
}

// runMigrations makes a new file's tables without waiting for the disk after
// each of goose's transactions: that loses none but the last ones, which are
// then repeated, and the commit of the store's identity waits for them all.
func runMigrations(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, `PRAGMA synchronous = normal`); err != nil {
		return err
	}
	err := applyMigrations(ctx, db)
	_, full := db.ExecContext(context.WithoutCancel(ctx), `PRAGMA synchronous = full`)
	return errors.Join(err, full)
}

func applyMigrations(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithTableName("specstar_schema"), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// identity is the row of one store in its file.
type identity struct {
	number   int64
	id       uuid.UUID
	encoding resource.Encoding
}

// readIdentity returns the store of a table prefix, ErrNotFound when the file
// has none.
func readIdentity(ctx context.Context, db *sql.DB, prefix string) (identity, error) {
	var i identity
	var id []byte
	err := db.QueryRowContext(ctx, `SELECT number, id, encoding FROM specstar_store WHERE table_prefix = ?`, prefix).Scan(&i.number, &id, &i.encoding)
	if errors.Is(err, sql.ErrNoRows) {
		return identity{}, storage.ErrNotFound
	}
	if err != nil {
		return identity{}, err
	}
	i.id, err = uuid.FromBytes(id)
	return i, err
}

// makeIdentity returns the store of a table prefix, made when it is not there.
func makeIdentity(ctx context.Context, db *sql.DB, prefix string, e resource.Encoding) (identity, error) {
	i, err := readIdentity(ctx, db, prefix)
	if !errors.Is(err, storage.ErrNotFound) {
		return i, err
	}
	if e == "" {
		e = resource.Msgpack
	}
	id := uuid.New()
	_, err = db.ExecContext(ctx, `INSERT INTO specstar_store (id, table_prefix, encoding) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, id[:], prefix, string(e))
	if err != nil {
		return identity{}, err
	}
	return readIdentity(ctx, db, prefix)
}
