package sqlite_test

import (
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
			dirs := map[storage.Factory]string{}
			open := func(t testing.TB, dir string) storage.Factory {
				f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir, Encoding: enc})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := f.Close(); err != nil {
						t.Error(err)
					}
				})
				dirs[f] = dir
				return f
			}
			storagetest.Run(t, storagetest.Harness{
				New: func(t testing.TB) storage.Factory { return open(t, filepath.Join(t.TempDir(), "store")) },
				Reopen: func(t testing.TB, f storage.Factory) storage.Factory {
					if err := f.Close(); err != nil {
						t.Fatal(err)
					}
					return open(t, dirs[f])
				},
			})
		})
	}
}
