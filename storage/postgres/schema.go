package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaVersion is the number of the last migration.
const schemaVersion = 7

// schemaLock is the advisory lock of whoever makes tables: "specstar" in ASCII.
const schemaLock = 0x7370656373746172

// migrate brings our own tables to schemaVersion. Of several processes one does.
func (f *Factory) migrate(ctx context.Context, version int) error {
	if version == schemaVersion {
		return nil
	}
	if f.noMigrate {
		return fmt.Errorf("open store %s: its tables have version %d and this program needs %d, and it was told to make none: "+
			"open it once with a role that may", f.place, version, schemaVersion)
	}
	return f.locked(ctx, func(conn *pgx.Conn) error {
		made, err := makeAll(ctx, conn)
		if err == nil && !made {
			err = f.runMigrations(ctx)
		}
		return f.explain("make the tables of store", err)
	})
}

func (f *Factory) runMigrations(ctx context.Context) (err error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(f.pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// locked runs fn while no other process makes tables in this database.
func (f *Factory) locked(ctx context.Context, fn func(*pgx.Conn) error) (err error) {
	conn, err := f.acquire(ctx)
	if err != nil {
		return f.explain("lock the schema of store", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(schemaLock)); err != nil {
		return f.explain("lock the schema of store", err)
	}
	defer func() {
		if _, unlock := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(schemaLock)); unlock != nil {
			err = errors.Join(err, conn.Conn().Close(context.WithoutCancel(ctx))) // the server unlocks then
		}
	}()
	return fn(conn.Conn())
}

// identity is the row of one store in its database.
type identity struct {
	number   int32
	id       uuid.UUID
	encoding resource.Encoding
	// outside: revisions are not in tables.
	outside bool
	// made: our own tables are there, though the store may not be.
	made bool
}

// readStore returns the store of the table prefix, with number 0 when the database has
// none, and the version of our own tables, 0 when there are none. It is one round trip.
func (f *Factory) readStore(ctx context.Context) (i identity, version int, err error) {
	var number *int32
	var id pgtype.UUID
	var enc *string
	var outside *bool
	err = f.pool.QueryRow(ctx, `SELECT (SELECT max(version_id) FROM specstar_schema), s.number, s.id, s.encoding, s.revisions_outside
		FROM (SELECT) AS one LEFT JOIN specstar_store AS s ON s.table_prefix = $1`, pgx.QueryExecModeExec, f.prefix).Scan(&version, &number, &id, &enc, &outside)
	switch {
	case sqlState(err) == undefinedTable:
		return identity{}, 0, nil
	case err != nil:
		return identity{}, 0, f.explain("open store", err)
	case version > schemaVersion:
		return identity{}, 0, fmt.Errorf("open store %s: its tables have version %d and this program knows up to %d: use a newer program", f.place, version, schemaVersion)
	}
	i.made = true
	if number != nil {
		i.number, i.id, i.encoding, i.outside = *number, id.Bytes, resource.Encoding(*enc), *outside
	}
	return i, version, nil
}

// openForWriting finds the store of the table prefix, or makes it with the tables of
// ours that are not there. reached is [Config.Reached].
func (f *Factory) openForWriting(ctx context.Context, e resource.Encoding, reached func()) error {
	i, version, err := f.readStore(ctx)
	if err != nil {
		return err
	}
	if f.identity = i; i.number != 0 {
		if err := f.checkStore(e); err != nil {
			return err
		}
	}
	if reached != nil {
		reached()
	}
	if err := f.migrate(ctx, version); err != nil {
		return err
	}
	f.identity.made, f.version = true, schemaVersion
	others := true // there may be models that others have made
	if i.number == 0 {
		if others, err = f.makeIdentity(ctx, e); err != nil {
			return f.explain("open store", err)
		}
		if err := f.checkStore(e); err != nil { // another process may have made it
			return err
		}
	}
	if !others {
		return nil
	}
	return f.adopt(ctx)
}

// makeIdentity makes the store: with the encoding of the metas that others have
// written, else with e. It reports whether there are any.
func (f *Factory) makeIdentity(ctx context.Context, e resource.Encoding) (others bool, err error) {
	models, err := f.candidates(ctx)
	if err == nil {
		err = f.checkForeign(models)
	}
	if err != nil {
		return false, err
	}
	found, err := f.sniffEncoding(ctx, models)
	if err != nil {
		return false, err
	}
	switch {
	case found != "":
		e = found
	case e == "":
		e = resource.Msgpack
	}
	return len(models) > 0, f.insertStore(ctx, e)
}

// insertStore makes the row of the store, or takes the one that another process has
// made meanwhile.
func (f *Factory) insertStore(ctx context.Context, e resource.Encoding) error {
	made := identity{id: uuid.New(), encoding: e, outside: f.medium != nil, made: true}
	err := f.pool.QueryRow(ctx, `INSERT INTO specstar_store (id, table_prefix, encoding, revisions_outside) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING number`,
		[16]byte(made.id), f.prefix, string(e), made.outside).Scan(&made.number)
	if errors.Is(err, pgx.ErrNoRows) {
		made, _, err = f.readStore(ctx)
	}
	if err == nil {
		f.identity = made
	}
	return err
}

// checkStore refuses an encoding and a place of revisions that the store does not have.
func (f *Factory) checkStore(e resource.Encoding) error {
	if have := f.identity.encoding; e != "" && e != have {
		return fmt.Errorf("open store %s: its metas are written as %s, not as %s: leave the encoding out", f.place, have, e)
	}
	return f.explain("open store", f.checkWhere(f.identity.outside))
}

// openForReading finds the store, or tables that only the original knows.
func (f *Factory) openForReading(ctx context.Context, e resource.Encoding) error {
	i, version, err := f.readStore(ctx)
	if err != nil {
		return err
	}
	f.version = version
	if f.identity = i; i.number == 0 {
		return f.openForeign(ctx)
	}
	return f.checkStore(e)
}

// foreignSpace is the namespace of the ids of stores that have none yet.
var foreignSpace = uuid.MustParse("6f0b3c0e-52a4-5d0c-8d2e-0e6a3f6f2a11")

// openForeign opens tables in which this package has never written. The store's id
// follows from the database and the prefix until one is made.
func (f *Factory) openForeign(ctx context.Context) error {
	var database string
	if err := f.pool.QueryRow(ctx, `SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' || current_database()`).Scan(&database); err != nil {
		if sqlState(err) != insufficientRights {
			return f.explain("open store", err)
		}
		database = f.place
	}
	models, err := f.candidates(ctx)
	if err != nil {
		return f.explain("open store", err)
	}
	found, err := f.sniffEncoding(ctx, models)
	if err != nil {
		return f.explain("open store", err)
	}
	if len(models) == 0 {
		return fmt.Errorf("open store %s: %w", f.place, storage.ErrNotFound)
	}
	if found == "" {
		found = resource.Msgpack // there is nothing that it matters for
	}
	f.identity.id, f.identity.encoding, f.identity.outside = uuid.NewSHA1(foreignSpace, []byte(database+"/"+f.prefix)), found, f.medium != nil
	return f.explain("open store", f.checkForeign(models))
}
