package peertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// seeds returns the seeds of the random applications of a test.
func seeds(n int) []int64 {
	if os.Getenv("SPECSTAR_TEST_LONG") != "" {
		n *= 40
	}
	s := make([]int64, n)
	for i := range s {
		s[i] = int64(i + 1)
	}
	return s
}

// source is a random application of the original with what it holds.
type source struct {
	config  pypeer.Config
	app     *pypeer.App
	state   pypeer.State
	archive string
}

// randomSource makes an application, works on it and dumps it.
func randomSource(t *testing.T, p *pypeer.Peer, seed int64, steps int) source {
	t.Helper()
	c := pypeer.Config{Models: pypeer.Random, Seed: seed}
	// Metas in msgpack keep times in their indexed data, JSON ones turn them into text.
	if seed%2 == 0 {
		c.Store = pypeer.Store{Kind: "memory", Encoding: resource.Msgpack}
	}
	s := source{config: c, app: p.MustNew(t, c), archive: filepath.Join(t.TempDir(), "source.acbak")}
	ran, err := s.app.Run(seed*1000, steps)
	if err != nil {
		t.Fatal(err)
	}
	if ran.Done["create"] < steps/10 || ran.Done["update"] < steps/20 {
		t.Fatalf("too little was done: %+v", ran)
	}
	if err := s.app.Dump(s.archive); err != nil {
		t.Fatal(err)
	}
	s.state = s.app.MustState(t)
	return s
}

// loadInPython loads an archive into a fresh application with the same models,
// whose metas have the given encoding.
func (s source) loadInPython(t *testing.T, p *pypeer.Peer, path string, enc resource.Encoding) *pypeer.App {
	t.Helper()
	c := s.config
	c.Store = pypeer.Store{Kind: "memory", Encoding: enc}
	app := p.MustNew(t, c)
	if _, err := app.Load(path, "raise_error"); err != nil {
		t.Fatal(err)
	}
	return app
}

// in returns the source's state as a store of the given backend should hold it.
// Metas in JSON keep times and bytes of their indexed data as text, here as there.
func (s source) in(t *testing.T, p *pypeer.Peer, b backend) pypeer.State {
	t.Helper()
	if b.encoding == resource.Msgpack || s.config.Store.Encoding != resource.Msgpack {
		return s.state
	}
	return s.loadInPython(t, p, s.archive, b.encoding).MustState(t)
}

// store is one of our stores with the catalog of its models.
type store struct {
	factory storage.Factory
	blobs   storage.BlobStore
	catalog *manager.Catalog
}

// backend is a kind of store of ours, with the encoding of its metas and infos.
type backend struct {
	name     string
	encoding resource.Encoding
	open     func(t *testing.T) store
}

var backends = []backend{
	{"memory", resource.Msgpack, func(t *testing.T) store { return newStore(t, memory.New()) }},
	{"sqlite", resource.Msgpack, func(t *testing.T) store { return newSQLite(t, resource.Msgpack) }},
	{"sqlite json", resource.JSON, func(t *testing.T) store { return newSQLite(t, resource.JSON) }},
}

// newSQLite opens an empty store in a fresh directory.
func newSQLite(t *testing.T, enc resource.Encoding) store {
	t.Helper()
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Encoding: enc})
	if err != nil {
		t.Fatal(err)
	}
	return newStore(t, f)
}

func newStore(t *testing.T, f storage.Factory) store {
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
	return store{f, blobs, manager.NewCatalog(f, blobs, manager.Options{})}
}

// load loads an archive as a job does, in one process.
func (s store) load(t *testing.T, path string, o manager.LoadOptions) map[string]manager.LoadStats {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := s.tryLoad(t.Context(), b, o)
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

func (s store) tryLoad(ctx context.Context, b []byte, o manager.LoadOptions) (map[string]manager.LoadStats, error) {
	job := storage.Job{ID: uuid.New(), Kind: "load", Lane: "bulk", State: storage.JobQueued, Created: time.Now()}
	_, claim, err := s.factory.Ledger().Claim(ctx, job, time.Minute)
	if err != nil {
		return nil, err
	}
	return s.catalog.Load(ctx, claim, bytes.NewReader(b), o, nil)
}

// dump writes the store's archive to a file and returns its path.
func (s store) dump(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ours.acbak")
	if err := s.dumpTo(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s store) dumpTo(ctx context.Context, path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = s.catalog.DumpTo(ctx, f, manager.DumpOptions{})
	return err
}

// state returns everything the store holds.
func (s store) state(t *testing.T) pypeer.State {
	t.Helper()
	got, err := pypeer.StateOf(t.Context(), s.factory, s.blobs)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// equal fails the test when two states differ.
func equal(t *testing.T, what string, want, got pypeer.State) {
	t.Helper()
	if len(want) == 0 {
		t.Fatalf("%s: there is nothing to compare", what)
	}
	if d := want.Diff(got); d != "" {
		t.Fatalf("%s:\n%s", what, d)
	}
}

// eachSeed runs a test for every seed with a fresh random application.
func eachSeed(t *testing.T, p *pypeer.Peer, n, steps int, test func(t *testing.T, s source)) {
	for _, seed := range seeds(n) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			s := randomSource(t, p, seed, steps)
			test(t, s)
			if err := s.app.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
