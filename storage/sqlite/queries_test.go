package sqlite_test

import (
	"context"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// TestQueriesEqualMatch asks SQLite, in either encoding of metas.
func TestQueriesEqualMatch(t *testing.T) {
	for _, enc := range []resource.Encoding{resource.Msgpack, resource.JSON} {
		t.Run(string(enc), func(t *testing.T) {
			storagetest.RunQueries(t, func(ctx context.Context, place string) (storage.Factory, error) {
				return sqlite.Open(ctx, sqlite.Config{Dir: place, Encoding: enc})
			})
		})
	}
}
