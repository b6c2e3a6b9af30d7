package preset_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
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

// pairsOf is how many resources there are of which i and the one as far from the end are
// always changed together.
const pairsOf = 1200

func pairID(i int) resource.ID { return resource.ID(fmt.Sprintf("pair:%04d", i)) }

// A dump of PostgreSQL by several connections is one snapshot, whoever writes meanwhile.
func TestADumpOfPostgreSQLIsOneSnapshot(t *testing.T) {
	dsn := pgtest.Database(t)
	f, err := preset.Postgres(t.Context(), dsn, preset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := manager.NewCatalog(f, nil, manager.Options{})
	m, err := c.Declare(t.Context(), storage.ModelInfo{Name: "pair"})
	if err != nil {
		t.Fatal(err)
	}
	save := func(kind manager.Op, data string, ids ...resource.ID) {
		ops := make([]manager.Operation, len(ids))
		for i, id := range ids {
			ops[i] = manager.Operation{Op: kind, ResourceID: id, Data: []byte(data), User: "ann"}
		}
		if _, err := m.SaveMany(t.Context(), ops); err != nil {
			t.Error(err)
		}
	}
	var all []resource.ID
	for i := range pairsOf {
		all = append(all, pairID(i))
	}
	save(manager.OpCreate, `{"n":0}`, all...)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				i := n % (pairsOf / 2)
				save(manager.OpUpdate, fmt.Sprintf(`{"n":%d}`, n), pairID(i), pairID(pairsOf-1-i))
			}
		}
	})
	for range 3 {
		var b bytes.Buffer
		if _, err := c.DumpTo(t.Context(), &b, manager.DumpOptions{Parallel: 4}); err != nil {
			t.Fatal(err)
		}
		checkPairs(t, b.Bytes())
	}
	close(stop)
	writing.Wait()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// checkPairs checks that both of each pair have the same current payload.
func checkPairs(t *testing.T, b []byte) {
	t.Helper()
	current, payloads := map[resource.ID]resource.RevisionID{}, map[resource.RevisionID]string{}
	for rec, err := range archive.NewReader(bytes.NewReader(b), archive.Limits{}).Records() {
		if err != nil {
			t.Fatal(err)
		}
		switch rec := rec.(type) {
		case archive.Meta:
			current[rec.Meta.ResourceID] = rec.Meta.CurrentRevisionID
		case archive.Revision:
			payloads[rec.Revision.Info.RevisionID] = string(rec.Revision.Data)
		}
	}
	for i := range pairsOf / 2 {
		one, there := payloads[current[pairID(i)]]
		if other := payloads[current[pairID(pairsOf-1-i)]]; !there || one != other {
			t.Fatalf("of a pair the dump has %q and %q", one, other)
		}
	}
}
