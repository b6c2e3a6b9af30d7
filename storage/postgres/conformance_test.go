package postgres_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// dsnVariable tells the processes that a test starts where its database is.
const dsnVariable = "SPECSTAR_CONFORMANCE_DSN"

// database returns a database of the test, or that of the process which started
// this one.
func database(t *testing.T) string {
	if dsn := os.Getenv(dsnVariable); dsn != "" {
		return dsn
	}
	dsn := pgtest.Database(t)
	t.Setenv(dsnVariable, dsn)
	return dsn
}

// schemaOf makes a schema for a place and returns the connection string of it.
func schemaOf(ctx context.Context, dsn, place string) (string, error) {
	hash := sha256.Sum256([]byte(place))
	name := "p" + hex.EncodeToString(hash[:8])
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+name)
	return dsn + "&search_path=" + name, err
}

func TestConformance(t *testing.T) {
	for _, enc := range []resource.Encoding{resource.Msgpack, resource.JSON} {
		t.Run(string(enc), func(t *testing.T) {
			dsn := database(t)
			storagetest.Run(t, storagetest.Harness{Open: func(ctx context.Context, place string) (storage.Factory, error) {
				dsn, err := schemaOf(ctx, dsn, place)
				if err != nil {
					return nil, err
				}
				return postgres.Open(ctx, postgres.Config{DSN: dsn, Encoding: enc, Connections: 8})
			}})
		})
	}
}
