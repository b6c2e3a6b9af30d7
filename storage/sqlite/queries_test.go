package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/sqlite"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// eachEncoding runs a test with empty stores whose metas are in either encoding.
func eachEncoding(t *testing.T, test func(*testing.T, check.Open)) {
	for _, enc := range []resource.Encoding{resource.Msgpack, resource.JSON} {
		t.Run(string(enc), func(t *testing.T) {
			dir := t.TempDir()
			test(t, func(ctx context.Context, place string) (storage.Factory, error) {
				return sqlite.Open(ctx, sqlite.Config{Dir: filepath.Join(dir, place), Encoding: enc})
			})
		})
	}
}

func TestQueriesEqualMatch(t *testing.T) { eachEncoding(t, storagetest.RunQueries) }

func TestGoldenQueries(t *testing.T) { eachEncoding(t, storagetest.RunGolden) }
