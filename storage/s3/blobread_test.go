package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

func TestCutBlobsAreReadOn(t *testing.T) {
	s, f := newStore(t)
	b := s.Blobs()
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<15)
	info := putBlob(t, b, string(content), storage.PutOptions{})
	var ranges []string
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		ranges = append(ranges, r.Header.Get("Range"))
		next.ServeHTTP(&cutting{w, 100_000}, r)
	})
	if got := readBlob(t, b, info.FileID); !bytes.Equal(got, content) {
		t.Error("the content changed")
	}
	if want := []string{"", "bytes=100000-", "bytes=200000-", "bytes=300000-", "bytes=400000-", "bytes=500000-"}; !slices.Equal(ranges, want) {
		t.Errorf("ranges are %q, want %q", ranges, want)
	}
}

// cutting is a connection that breaks after some bytes of the body.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	_, _ = c.ResponseWriter.Write(p[:n])
	c.left -= n
	if c.left == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

func TestReadingEnds(t *testing.T) {
	s, f := newStore(t)
	b := s.Blobs()
	putBlob(t, b, strings.Repeat("x", 1<<20), storage.PutOptions{Key: "k"})
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(&cutting{w, 1000}, r) })
	r, _, err := b.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	if _, err := io.ReadFull(r, buf); err != nil {
		t.Fatal(err)
	}
	f.on(nil)
	putBlob(t, b, strings.Repeat("y", 1<<20), storage.PutOptions{Key: "k"})
	if _, err := io.ReadAll(r); err == nil || !strings.Contains(err.Error(), "replaced meanwhile") {
		t.Errorf("reading a blob that was replaced gives %v", err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(buf); err == nil || err == io.EOF {
		t.Errorf("reading after the end gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, _, err = b.Open(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.Read(buf); !errors.Is(err, context.Canceled) {
		t.Errorf("reading gives %v, want %v", err, context.Canceled)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestBlobsForReading(t *testing.T) {
	f := startFake(t)
	info := putBlob(t, openFake(t, f.config()).Blobs(), "x", storage.PutOptions{})
	config := f.config()
	config.ReadOnly = true
	b := openFake(t, config).Blobs()
	if got := readBlob(t, b, info.FileID); string(got) != "x" {
		t.Errorf("the blob holds %q", got)
	}
	_, putErr := b.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{})
	_, touchErr := b.Touch(t.Context(), info.FileID)
	_, oldErr := b.DeleteOld(t.Context(), []string{info.FileID}, b.s.cfg.Now())
	_, sweepErr := b.Sweep(t.Context(), b.s.cfg.Now(), true)
	for _, err := range []error{putErr, touchErr, oldErr, sweepErr, b.Delete(t.Context(), info.FileID)} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("a write gives %v, want %v", err, errReadOnly)
		}
	}
	config.Bucket = "missing"
	b = openFake(t, config).Blobs()
	if all := collect(t, b.List(t.Context())); len(all) != 0 {
		t.Errorf("blobs of a bucket that is not there are %v", all)
	}
	if _, _, err := b.Open(t.Context(), info.FileID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("open gives %v, want %v", err, storage.ErrNotFound)
	}
	if found, err := b.Sweep(t.Context(), b.s.cfg.Now(), false); err != nil || found != (storage.Tally{}) {
		t.Errorf("sweep finds %+v (%v)", found, err)
	}
}

// chunked answers without a length, as the protocol of S3 does not allow.
type chunked struct{ http.ResponseWriter }

func (c chunked) WriteHeader(status int) {
	c.Header().Del("Content-Length")
	c.ResponseWriter.WriteHeader(status)
}

func (c chunked) Write(p []byte) (int, error) {
	defer c.ResponseWriter.(http.Flusher).Flush() // before all is written, so that nobody knows how much that is
	return c.ResponseWriter.Write(p)
}

func TestAnAnswerWithoutALengthIsNotAnEmptyObject(t *testing.T) {
	s, f := newStore(t)
	b := s.Blobs()
	info := putBlob(t, b, "content", storage.PutOptions{})
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(chunked{w}, r) })
	if _, _, err := b.Open(t.Context(), info.FileID); !errors.Is(err, errNoLength) {
		t.Errorf("open gives %v", err)
	}
	if body, err := s.get(t.Context(), b.dir+info.FileID); !errors.Is(err, errNoLength) {
		t.Errorf("get gives %q, %v", body, err)
	}
}
