package diskblob

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/unpack"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// unpackBlobs writes the blobs of a store that the original made.
func unpackBlobs(t *testing.T, dir string) {
	t.Helper()
	whole := t.TempDir()
	unpack.Into(t, whole, "testdata/sqlite_disk_msgpack.tar.gz")
	blobs := filepath.Join(whole, "_blobs")
	if err := errors.Join(os.RemoveAll(filepath.Join(blobs, sessionsDir)), os.CopyFS(dir, os.DirFS(blobs))); err != nil {
		t.Fatal(err)
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
