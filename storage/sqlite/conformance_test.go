package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
	"github.com/specstar-worker/worker/storage/storagetest"
)

func TestConformance(t *testing.T) {
	for _, enc := range []resource.Encoding{resource.Msgpack, resource.JSON} {
		t.Run(string(enc), func(t *testing.T) {
			storagetest.Run(t, storagetest.Harness{
				Open: func(ctx context.Context, place string) (storage.Factory, error) {
					there := sqlite.Exists(place)
					f, err := sqlite.Open(ctx, sqlite.Config{Dir: place, Encoding: enc})
					if err != nil || !there {
						return f, err
					}
					return f, sound(ctx, place)
				},
			})
		})
	}
}

// sound returns an error unless the file is one that SQLite finds nothing wrong
// with: checks open a store again when its process was killed.
func sound(ctx context.Context, place string) error {
	db, err := sql.Open("sqlite", filepath.Join(place, "specstar.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	var said string
	if err := db.QueryRowContext(ctx, `SELECT group_concat(integrity_check, '; ') FROM pragma_integrity_check`).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("integrity_check says %s", said)
	}
	return nil
}
