package preset_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/preset"
)

// firstOf2000 is an archive of the first resources of one of the original.
func firstOf2000(t *testing.T, resources int) []byte {
	t.Helper()
	packed, err := os.Open(filepath.Join("..", "..", "manager", "testdata", "big_2000.acbak.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := archive.NewWriter(&b)
	for rec, err := range archive.NewReader(z, archive.Limits{}).Records() {
		switch rec.(type) {
		case archive.Meta:
			resources--
		case archive.ModelEnd, archive.EOF:
			resources = 0
		}
		if resources >= 0 && err == nil {
			err = w.Write(rec)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every composition gives the archive back that it was loaded from, by however many
// goroutines it is read.
func TestDumpsAreTheSameOnEveryStore(t *testing.T) {
	dsn, endpoint := services(t)
	for name, of := range map[string]struct {
		resources int // slow stores have few
		open      func(ctx context.Context, dir string, o preset.Options) (storage.Factory, error)
	}{
		"postgres": {2000, func(ctx context.Context, _ string, o preset.Options) (storage.Factory, error) {
			return preset.Postgres(ctx, dsn, o)
		}},
		"postgres and s3": {510, func(ctx context.Context, _ string, o preset.Options) (storage.Factory, error) {
			return preset.PostgresS3(ctx, dsn, "s3://dumps/"+o.Schema+"?path_style=true&endpoint="+endpoint, o)
		}},
		"postgres and disk": {30, func(ctx context.Context, dir string, o preset.Options) (storage.Factory, error) {
			return preset.PostgresDisk(ctx, dsn, dir, o)
		}},
		"sqlite and disk": {30, func(ctx context.Context, dir string, _ preset.Options) (storage.Factory, error) {
			return preset.SQLiteDisk(ctx, dir, preset.Options{})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			schema, err := place(t.Context(), dsn, t.Name())
			if err != nil {
				t.Fatal(err)
			}
			want := firstOf2000(t, of.resources)
			f, err := of.open(t.Context(), t.TempDir(), preset.Options{Schema: schema, Connections: 8})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}()
			blobs, err := storage.BuildBlobStore(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			c := manager.NewCatalog(f, blobs, manager.Options{})
			if _, err := c.LoadArchive(t.Context(), bytes.NewReader(want), manager.LoadOptions{}); err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 2, 8} {
				var got bytes.Buffer
				if _, err := c.DumpTo(t.Context(), &got, manager.DumpOptions{Parallel: n}); err != nil || !bytes.Equal(got.Bytes(), want) {
					t.Errorf("by %d goroutines it gives %d other bytes, %v", n, got.Len(), err)
				}
			}
		})
	}
}
