package manager_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// benchResources is how many resources of about 1.6 KB a benchmark handles.
const benchResources = 20_000

// benchArchive makes the archive of the benchmarks.
func benchArchive(b *testing.B) []byte {
	b.Helper()
	var buf bytes.Buffer
	w := archive.NewWriter(&buf)
	write := func(r archive.Record) {
		if err := w.Write(r); err != nil {
			b.Fatal(err)
		}
	}
	write(archive.Header{})
	write(archive.ModelStart{Model: "doc"})
	for i := range benchResources {
		data := fmt.Sprintf(`{"n":%d,"name":"resource %d","text":"%s"}`, i, i, strings.Repeat("lorem ipsum ", 63))
		meta, rev := simple(numbered(i), data)
		indexed, err := resource.NewIndexed(map[string]any{"n": int64(i), "name": fmt.Sprintf("resource %d", i), "none": nil})
		if err != nil {
			b.Fatal(err)
		}
		meta.IndexedData = opt.Of(indexed)
		write(archive.Meta{Meta: meta})
		write(archive.Revision{Revision: rev})
	}
	write(archive.ModelEnd{Model: "doc"})
	write(archive.EOF{})
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// benchCatalog opens an empty SQLite store.
func benchCatalog(b *testing.B) (*manager.Catalog, func()) {
	b.Helper()
	dir, err := os.MkdirTemp(b.TempDir(), "store")
	if err != nil {
		b.Fatal(err)
	}
	f, err := sqlite.Open(b.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	blobs, err := storage.BuildBlobStore(b.Context(), f)
	if err != nil {
		b.Fatal(err)
	}
	return manager.NewCatalog(f, blobs, manager.Options{}), func() {
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func rate(b *testing.B) {
	b.ReportMetric(float64(benchResources)*float64(b.N)/b.Elapsed().Seconds(), "resources/s")
}

func BenchmarkCheck(b *testing.B) {
	in := benchArchive(b)
	b.SetBytes(int64(len(in)))
	c, done := benchCatalog(b)
	defer done()
	for b.Loop() {
		if _, err := c.Check(b.Context(), bytes.NewReader(in), manager.LoadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	rate(b)
}

func BenchmarkLoad(b *testing.B) {
	in := benchArchive(b)
	for _, on := range []manager.OnDuplicate{manager.RaiseError, manager.Skip} {
		b.Run(string(on), func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				c, done := benchCatalog(b)
				if _, err := c.LoadArchive(b.Context(), bytes.NewReader(in), manager.LoadOptions{OnDuplicate: on}); err != nil {
					b.Fatal(err)
				}
				done()
			}
			rate(b)
		})
	}
}

func BenchmarkDump(b *testing.B) {
	in := benchArchive(b)
	b.SetBytes(int64(len(in)))
	c, done := benchCatalog(b)
	defer done()
	if _, err := c.LoadArchive(b.Context(), bytes.NewReader(in), manager.LoadOptions{}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.DumpTo(b.Context(), io.Discard, manager.DumpOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	rate(b)
}
