package preset_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/preset"
	"github.com/specstar-worker/worker/storage/storagetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Variables that tell the processes which a test starts where its services are.
const (
	dsnVariable      = "SPECSTAR_PRESET_DSN"
	endpointVariable = "SPECSTAR_PRESET_S3"
)

// services are a database and a bucket, those of the process that started this one
// when there is one.
func services(t *testing.T) (dsn, objects string) {
	if dsn := os.Getenv(dsnVariable); dsn != "" {
		return dsn, os.Getenv(endpointVariable)
	}
	s := s3test.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	dsn, objects = pgtest.Database(t), s.Endpoint
	t.Setenv(dsnVariable, dsn)
	t.Setenv(endpointVariable, objects)
	return dsn, objects
}

// place names a schema and a bucket's prefix after a place.
func place(ctx context.Context, dsn, at string) (name string, err error) {
	hash := sha256.Sum256([]byte(at))
	name = "p" + hex.EncodeToString(hash[:8])
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+name)
	return name, err
}

// bucket is one of sixteen, by name: stores have neighbours in their bucket, but not all of
// the others, for the server of tests looks at every key of a bucket to list a prefix.
func bucket(name string) string { return "tests-" + name[1:2] }

// Every composition keeps every promise; that of tables alone is tested with them.
func TestCompositionsConform(t *testing.T) {
	for name, open := range map[string]func(ctx context.Context, dsn, dir, objects string, o preset.Options) (storage.Factory, error){
		"postgres and s3": func(ctx context.Context, dsn, _, objects string, o preset.Options) (storage.Factory, error) {
			return preset.PostgresS3(ctx, dsn, objects, o)
		},
		"postgres and disk": func(ctx context.Context, dsn, dir, _ string, o preset.Options) (storage.Factory, error) {
			return preset.PostgresDisk(ctx, dsn, dir, o)
		},
		"postgres, disk and s3": preset.PostgresDiskS3,
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t)
			dsn, endpoint := services(t)
			storagetest.Run(t, storagetest.Harness{Open: func(ctx context.Context, at string) (storage.Factory, error) {
				name, err := place(ctx, dsn, at)
				if err != nil {
					return nil, err
				}
				objects := "s3://" + bucket(name) + "/" + name + "?path_style=true&endpoint=" + endpoint
				return open(ctx, dsn, filepath.Join(at, "revisions"), objects, preset.Options{Schema: name, Connections: 8})
			}})
		})
	}
}
