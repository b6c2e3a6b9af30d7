package diskblob

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// unpackBlobs writes the _blobs directory of a store that the original made.
func unpackBlobs(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open("testdata/sqlite_disk_msgpack.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || path.Base(path.Dir(h.Name)) != "_blobs" {
			continue
		}
		b, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, path.Base(h.Name)), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestBlobsOfTheOriginal(t *testing.T) {
	dir := t.TempDir()
	unpackBlobs(t, dir)
	s := openStore(t, Config{Dir: dir})
	ids := list(t, s)
	if len(ids) == 0 {
		t.Fatal("no blobs were found")
	}
	for _, id := range ids {
		b := content(t, s, id)
		if got := resource.ContentHash([]byte(b)); got != id {
			t.Errorf("blob %s has content of hash %s", id, got)
		}
		info, err := s.Stat(t.Context(), id)
		if err != nil || info.Size != int64(len(b)) {
			t.Errorf("blob %s: %+v (%v), want size %d", id, info, err, len(b))
		}
		sidecar, err := os.ReadFile(filepath.Join(dir, id+sidecarSuffix))
		if err != nil || string(appendSidecar(nil, info)) != string(sidecar) {
			t.Errorf("sidecar of %s is %q (%v), ours would be %q", id, sidecar, err, appendSidecar(nil, info))
		}
		if again := put(t, s, b, storage.PutOptions{ContentType: info.ContentType}); again != info {
			t.Errorf("put again gives %+v, want %+v", again, info)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || strings.Contains(files[0].Name(), tempPrefix) {
		t.Errorf("files left: %v, %v", files, err)
	}
}
