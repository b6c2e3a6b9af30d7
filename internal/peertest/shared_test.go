package peertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/disk"
	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/preset"
	"github.com/specstar-worker/worker/storage/s3"
)

// composition is a kind of store in PostgreSQL that a Python app and a catalog of
// ours work on at the same time.
type composition struct {
	kind     string
	encoding resource.Encoding
	seed     int64 // added to the seeds of random applications
}

// compositions are all factories of the original for PostgreSQL.
var compositions = []composition{
	{"postgres", resource.Msgpack, 0},
	{"postgres+s3", resource.JSON, 1},
	{"postgres+disk", resource.JSON, 2},
	{"postgres+disk+s3", resource.Msgpack, 3},
}

// directories are the kinds without a server. For the first the original has no factory:
// an app pairs its SQLite metas with its revisions on disk. The second is its
// DiskStorageFactory, which has metas in JSON.
var directories = []composition{{"sqlite+disk", resource.Msgpack, 4}, {"disk", resource.JSON, 5}}

// isDirectory reports whether a kind of store is one directory.
func isDirectory(kind string) bool { return kind == directories[0].kind || kind == directories[1].kind }

// sharesBlobs reports whether the original's factory keeps blobs in the store. The
// others leave them in the memory of the process.
func (c composition) sharesBlobs() bool {
	return strings.HasSuffix(c.kind, "s3") || isDirectory(c.kind)
}

// place makes an empty place for a store, with a database in the given time zone.
func (c composition) place(t *testing.T, zone string) pypeer.Store {
	t.Helper()
	if isDirectory(c.kind) {
		return pypeer.Store{Kind: c.kind, Encoding: c.encoding, Dir: t.TempDir()}
	}
	s := pypeer.Store{Kind: c.kind, Encoding: c.encoding, DSN: pgtest.DatabaseWith(t, pgtest.DatabaseOptions{TimeZone: zone})}
	if strings.Contains(c.kind, "disk") {
		s.Dir = t.TempDir()
	}
	if strings.HasSuffix(c.kind, "s3") {
		server := s3test.Start(t)
		s.S3 = &pypeer.Bucket{
			Bucket: server.Bucket("shared"), Endpoint: server.Endpoint, Region: s3test.Region,
			AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		}
	}
	return s
}

// open opens our store in the place of one of the original's.
func open(t *testing.T, p pypeer.Store) store {
	t.Helper()
	if isDirectory(p.Kind) {
		place, err := preset.Parse(p.Kind+":"+p.Dir, "", "")
		if err != nil {
			t.Fatal(err)
		}
		f, err := place.Open(t.Context(), preset.Options{Encoding: p.Encoding})
		if err != nil {
			t.Fatal(err)
		}
		return newStore(t, f)
	}
	c := postgres.Config{DSN: p.DSN, Encoding: p.Encoding}
	var bucket *s3.Store
	if p.S3 != nil {
		bucket = openS3(t, p.S3)
		c.Blobs = bucket.Blobs()
	}
	switch {
	case p.Dir != "":
		c.Revisions, c.Infos = openDisk(t, disk.Config{Dir: p.Dir}), resource.JSON
	case bucket != nil:
		c.Revisions = bucket.Revisions(s3.LayoutPostgresS3)
	}
	f, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return newStore(t, f)
}

// eachComposition runs a test on every composition.
func eachComposition(t *testing.T, test func(t *testing.T, c composition)) {
	for _, c := range append(slices.Clone(compositions), directories...) {
		t.Run(c.kind, func(t *testing.T) { test(t, c) })
	}
}

// comparable returns what of a state both sides can see.
func (c composition) comparable(s pypeer.State) pypeer.State {
	if c.sharesBlobs() {
		return s
	}
	out := pypeer.State{}
	for k, v := range s {
		if !strings.HasPrefix(k, "blob\t") {
			out[k] = v
		}
	}
	return out
}

// same fails the test unless app and store see the same.
func (c composition) same(t *testing.T, what string, app *pypeer.App, s store) pypeer.State {
	t.Helper()
	want := c.comparable(app.MustState(t))
	equal(t, what, want, c.comparable(s.state(t)))
	return want
}
