package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func putBlob(t *testing.T, b *Blobs, content string, o storage.PutOptions) storage.BlobInfo {
	t.Helper()
	info, err := b.Put(t.Context(), strings.NewReader(content), o)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func readBlob(t *testing.T, b *Blobs, id string) []byte {
	t.Helper()
	r, info, err := b.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || info.Size != int64(len(data)) {
		t.Fatalf("blob %s has %d bytes (%v), want %d", id, len(data), err, info.Size)
	}
	return data
}

// keys returns the sorted keys that are in the bucket.
func keys(t *testing.T, s *Store) []string {
	t.Helper()
	var all []string
	for o, err := range s.list(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o.key)
	}
	slices.Sort(all)
	return all
}

// large is content of 20 MiB and a few bytes.
func large() []byte {
	b := make([]byte, 20<<20+17)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func TestBlobsOfTheOriginal(t *testing.T) {
	s, _ := newStore(t)
	putGolden(t, s)
	b := s.Blobs()
	var ids []string
	for _, info := range collect(t, b.List(t.Context())) {
		ids = append(ids, info.FileID)
		data := readBlob(t, b, info.FileID)
		if resource.ContentHash(data) != info.FileID {
			t.Errorf("blob %s has other content", info.FileID)
		}
		if again := putBlob(t, b, string(data), storage.PutOptions{ContentType: opt.Of("a/b")}); again != info {
			t.Errorf("put again gives %+v, want %+v", again, info)
		}
	}
	want := []string{"99aa06d3014798d86001c324468d497f", "a9ee10cbf43517e44066a57f4496584a", "b5e9c1ad071b3e7fc779cfaa5e523818"}
	if !slices.Equal(ids, want) {
		t.Errorf("blobs are %q, want %q", ids, want)
	}
	for _, g := range readGolden(t) {
		if id, ok := strings.CutPrefix(g.Key, blobsDir); ok {
			if info, err := b.Stat(t.Context(), id); err != nil || info.ContentType != opt.Of(g.ContentType) {
				t.Errorf("blob %s is %+v (%v), want content type %s", id, info, err, g.ContentType)
			}
		}
	}
}

func TestLayoutOfBlobs(t *testing.T) {
	s, _ := newStore(t)
	b := s.Blobs()
	hello := putBlob(t, b, "hello", storage.PutOptions{ContentType: opt.Of("text/plain")})
	plain := putBlob(t, b, "plain", storage.PutOptions{})
	putBlob(t, b, "log", storage.PutOptions{Key: "__job_log__/a"})
	putBlob(t, b, "longer log", storage.PutOptions{Key: "__job_log__/a"})
	putBlob(t, b, "another lg", storage.PutOptions{Key: "__job_log__/a"})
	want := map[string]string{
		"blobs/" + hello.FileID: "hello", "blobs/" + plain.FileID: "plain", "blobs/__job_log__/a": "another lg",
	}
	got := objects(t, s)
	if len(got) != len(want) {
		t.Errorf("the bucket holds %q", got)
	}
	for key, body := range want {
		if got[key] != body {
			t.Errorf("%s holds %q, want %q", key, got[key], body)
		}
	}
	for id, want := range map[string]string{hello.FileID: "text/plain", plain.FileID: ""} {
		if f, err := s.head(t.Context(), "blobs/"+id); err != nil || f.contentType != want && f.contentType != unsetType {
			t.Errorf("blob %s has content type %q (%v), want %q", id, f.contentType, err, want)
		}
	}
}

func TestLargeBlobs(t *testing.T) {
	f := startFake(t)
	config := f.config()
	config.TempDir = t.TempDir()
	s := openFake(t, config)
	b := s.Blobs()
	var parts atomic.Int64
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Query().Has("partNumber") && parts.Add(1) == 2 {
			fail(w, http.StatusServiceUnavailable, "SlowDown")
			return
		}
		next.ServeHTTP(w, r)
	})
	content := large()
	info, err := b.Put(t.Context(), bytes.NewReader(content), storage.PutOptions{ContentType: opt.Of("video/mp4")})
	want := storage.BlobInfo{FileID: resource.ContentHash(content), Size: int64(len(content)), ContentType: opt.Of("video/mp4")}
	if err != nil || info != want {
		t.Fatalf("put gives %+v (%v), want %+v", info, err, want)
	}
	if parts.Load() != 4 {
		t.Errorf("%d parts were sent, want 3 and one again", parts.Load())
	}
	if !bytes.Equal(readBlob(t, b, info.FileID), content) {
		t.Error("the content changed")
	}
	again, err := b.Put(t.Context(), bytes.NewReader(content), storage.PutOptions{})
	if err != nil || again != want || parts.Load() != 4 {
		t.Errorf("put again gives %+v (%v) and sent %d parts", again, err, parts.Load())
	}
	if left, err := os.ReadDir(config.TempDir); err != nil || len(left) != 0 {
		t.Errorf("temporary files left: %v (%v)", left, err)
	}
}

// TestFailedUploadsAreTakenBack: by an error of a part, and by the caller's context.
func TestFailedUploadsAreTakenBack(t *testing.T) {
	for _, how := range []string{"denied", "cancelled"} {
		s, f := newStore(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.URL.Query().Get("partNumber") != "2" {
				next.ServeHTTP(w, r)
				return
			}
			if how == "denied" {
				fail(w, http.StatusForbidden, "AccessDenied")
				return
			}
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client goes
			cancel()
			<-r.Context().Done()
		})
		_, err := s.Blobs().Put(ctx, bytes.NewReader(large()), storage.PutOptions{})
		if err == nil || how == "cancelled" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: put gives %v", how, err)
		}
		f.on(nil)
		if left := keys(t, s); len(left) != 0 {
			t.Errorf("%s: left are %q", how, left)
		}
		if left := collect(t, s.uploads(t.Context(), "")); len(left) != 0 {
			t.Errorf("%s: %d uploads are left", how, len(left))
		}
	}
}

func TestBlobIDsThatNoKeyCanHold(t *testing.T) {
	s, f := newStore(t)
	b := s.Blobs()
	before := f.requests.Load()
	for _, bad := range []string{"../x", "a/../b", "a//b", "/a", "a/", ".", "nul\x00", "\xff", "_uploads/x", "_sessions", "_touched/x", "_deleting"} {
		_, err := b.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{Key: bad})
		refused(t, bad, err)
		if _, err := b.Stat(t.Context(), bad); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("stat of %q gives %v", bad, err)
		}
		if _, _, err := b.Open(t.Context(), bad); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("open of %q gives %v", bad, err)
		}
		if err := b.Delete(t.Context(), bad); err != nil {
			t.Errorf("delete of %q gives %v", bad, err)
		}
	}
	if _, err := b.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{ContentType: opt.Of("a\r\nb: c")}); err == nil {
		t.Error("a content type of two lines was taken")
	}
	if n := f.requests.Load() - before; n != 0 {
		t.Errorf("%d requests were sent for ids that were refused", n)
	}
}

func TestManyBlobsComeByID(t *testing.T) {
	s, _ := newStore(t)
	const blobs = 1100
	if err := s.parallel(t.Context(), blobs, func(ctx context.Context, i int) error {
		return s.put(ctx, object{key: fmt.Sprintf("blobs/%05d", i*7919%blobs), body: bytesBody(nil)})
	}); err != nil {
		t.Fatal(err)
	}
	for i, info := range collect(t, s.Blobs().List(t.Context())) {
		if want := fmt.Sprintf("%05d", i); info.FileID != want {
			t.Fatalf("blob %d is %s, want %s", i, info.FileID, want)
		}
	}
}
