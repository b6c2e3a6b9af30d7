package preset

import (
	"context"
	"errors"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/s3"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// Memory returns a new store in memory, the original's MemoryStorageFactory. What
// is in it is gone when it is closed.
func Memory() storage.Factory { return memory.New() }

// SQLite opens the store in a directory: one file with metas, revisions and jobs,
// and the blobs below DIR/_blobs. The original has no such factory.
func SQLite(ctx context.Context, dir string, o Options) (storage.Factory, error) {
	f, err := sqlite.Open(ctx, sqlite.Config{
		Dir: dir, TablePrefix: o.TablePrefix, Encoding: o.Encoding, ReadOnly: o.ReadOnly,
	})
	if err != nil {
		return nil, err // not a nil pointer in an interface
	}
	return f, nil
}

// Postgres opens a store that is in PostgreSQL alone, the original's
// PostgresStorageFactory: metas, revisions, jobs and also blobs are in tables. dsn
// is a connection string of libpq.
func Postgres(ctx context.Context, dsn string, o Options) (storage.Factory, error) {
	return openPostgres(ctx, o.postgres(dsn))
}

// PostgresS3 opens a store with metas and jobs in PostgreSQL, revisions and blobs
// in S3: the original's PostgreSQLS3StorageFactory. objects is a URL
// s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path_style=true].
func PostgresS3(ctx context.Context, dsn, objects string, o Options) (storage.Factory, error) {
	bucket, err := openObjects(ctx, objects, o.ReadOnly)
	if err != nil {
		return nil, err
	}
	c := o.postgres(dsn)
	c.Revisions = owned{bucket.Revisions(s3.LayoutPostgresS3), bucket}
	c.Blobs = bucket.Blobs()
	return openPostgres(ctx, c)
}

// PostgresDisk opens a store with metas, jobs and blobs in PostgreSQL and revisions
// below a directory: the original's PostgresDiskStorageFactory, which leaves blobs
// to its caller.
func PostgresDisk(ctx context.Context, dsn, dir string, o Options) (storage.Factory, error) {
	revisions, err := openDisk(ctx, dir, o.ReadOnly)
	if err != nil {
		return nil, err
	}
	return openPostgres(ctx, o.disk(dsn, revisions))
}

// PostgresDiskS3 opens a store with metas and jobs in PostgreSQL, revisions below a
// directory and blobs in S3: the original's PostgresDiskS3StorageFactory. objects
// is as for [PostgresS3].
func PostgresDiskS3(ctx context.Context, dsn, dir, objects string, o Options) (storage.Factory, error) {
	bucket, err := openObjects(ctx, objects, o.ReadOnly)
	if err != nil {
		return nil, err
	}
	revisions, err := openDisk(ctx, dir, o.ReadOnly)
	if err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	c := o.disk(dsn, owned{revisions, bucket})
	c.Blobs = bucket.Blobs()
	return openPostgres(ctx, c)
}

// postgres returns the configuration of a store in PostgreSQL alone.
func (o Options) postgres(dsn string) postgres.Config {
	return postgres.Config{
		DSN: dsn, TablePrefix: o.TablePrefix, Encoding: o.Encoding, ReadOnly: o.ReadOnly, Schema: o.Schema,
		NoMigrate: o.NoMigrate, Reached: o.Reached, NoForeignKey: o.NoForeignKey, Connections: o.Connections,
	}
}

// openPostgres opens the store of c, which owns the medium of revisions from then on.
func openPostgres(ctx context.Context, c postgres.Config) (storage.Factory, error) {
	f, err := postgres.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	return f, nil
}
