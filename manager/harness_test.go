package manager_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// store is a catalog over a fresh store of some kind.
type store struct {
	*manager.Catalog
	factory storage.Factory
	blobs   storage.BlobStore
}

// opener makes an empty store.
type opener func(t *testing.T) *store

// eachStore runs a test over every kind of store.
func eachStore(t *testing.T, test func(t *testing.T, open opener)) {
	t.Run("memory", func(t *testing.T) { test(t, openMemory) })
	t.Run("sqlite", func(t *testing.T) { test(t, openSQLite) })
}

func openMemory(t *testing.T) *store { return catalogOf(t, memory.New()) }

func openSQLite(t *testing.T) *store {
	t.Helper()
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return catalogOf(t, f)
}

func catalogOf(t *testing.T, f storage.Factory) *store {
	t.Helper()
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	blobs, err := storage.BuildBlobStore(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	c := manager.NewCatalog(f, blobs, manager.Options{})
	return &store{Catalog: c, factory: f, blobs: blobs}
}

// testdata reads a golden file, decompressing *.gz.
func testdata(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(name) != ".gz" {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

// golden decodes a golden JSON file.
func golden[T any](t *testing.T, name string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(testdata(t, name), &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// load loads an archive, which must succeed.
func (s *store) load(t *testing.T, b []byte, o manager.LoadOptions) map[string]manager.LoadStats {
	t.Helper()
	stats, err := s.LoadArchive(t.Context(), bytes.NewReader(b), o)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return stats
}

// dump returns an archive of the store.
func (s *store) dump(t *testing.T, o manager.DumpOptions) ([]byte, manager.DumpStats) {
	t.Helper()
	var b bytes.Buffer
	stats, err := s.DumpTo(t.Context(), &b, o)
	if err != nil {
		t.Fatalf("dump: %v", err)
	}
	if stats.Bytes != int64(b.Len()) {
		t.Fatalf("dump of %d bytes says %d", b.Len(), stats.Bytes)
	}
	return b.Bytes(), stats
}

// dumpAll returns an archive of the whole store.
func (s *store) dumpAll(t *testing.T) []byte {
	t.Helper()
	b, _ := s.dump(t, manager.DumpOptions{})
	return b
}

// open returns the manager of a model that must be there.
func (s *store) open(t *testing.T, model string) *manager.Manager {
	t.Helper()
	m, err := s.Open(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// models returns what the store remembers of its models.
func (s *store) models(t *testing.T) []storage.ModelInfo {
	t.Helper()
	infos, err := s.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return infos
}

// claim starts a load job in the ledger.
func (s *store) claim(t *testing.T) storage.Claim {
	t.Helper()
	_, c, err := s.factory.Ledger().Claim(t.Context(), storage.Job{ID: uuid.New(), Kind: "load"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// records reads an archive.
func records(t *testing.T, b []byte) []archive.Record {
	t.Helper()
	var all []archive.Record
	for rec, err := range archive.NewReader(bytes.NewReader(b), archive.Limits{}).Records() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}

// encodeArchive writes records as an archive.
func encodeArchive(t *testing.T, recs []archive.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := archive.NewWriter(&b)
	for _, r := range recs {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ids returns the ids of all metas of a model.
func ids(t *testing.T, s *store, model string) []resource.ID {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	var all []resource.ID
	for m, err := range stores.Metas.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m.ResourceID)
	}
	return all
}

// putBlob stores a blob and returns its id.
func putBlob(t *testing.T, s *store, content string) string {
	t.Helper()
	info, err := s.blobs.Put(t.Context(), strings.NewReader(content), storage.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info.FileID
}
