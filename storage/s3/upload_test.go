package s3

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

// uploadBench is a bucket with an object that uploads replace, or not.
func uploadBench(t *testing.T) (*fake, *Store, *Objects) {
	t.Helper()
	f := startFake(t)
	s := openFake(t, f.config())
	if err := s.put(t.Context(), object{key: "dump", body: bytesBody([]byte("before"))}); err != nil {
		t.Fatal(err)
	}
	o, err := OpenObjects(t.Context(), f.config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return f, s, o
}

func TestAnUploadIsThereAsAWholeOrNotAtAll(t *testing.T) {
	_, s, o := uploadBench(t)
	for _, size := range []int{0, 5, partSize, 3*partSize + 17} {
		for _, commit := range []bool{false, true} {
			content := randomBytes(size)
			before, err := s.get(t.Context(), "dump")
			if err != nil {
				t.Fatal(err)
			}
			u, err := o.Create(t.Context(), "dump")
			if err != nil {
				t.Fatal(err)
			}
			for rest := content; len(rest) > 0; { // pieces that fit no part
				n := min(len(rest), 1<<20+7)
				if m, err := u.Write(rest[:n]); m != n || err != nil {
					t.Fatalf("Write = %d, %v", m, err)
				}
				rest = rest[n:]
			}
			if got, err := s.get(t.Context(), "dump"); err != nil || !bytes.Equal(got, before) {
				t.Fatalf("before the end there are %d bytes, %v", len(got), err)
			}
			want, end := before, u.Discard
			if commit {
				want, end = content, u.Commit
			}
			if err := end(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, err := s.get(t.Context(), "dump"); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, committed %v: %d bytes are there, %v", size, commit, len(got), err)
			}
		}
	}
}

// A part that cannot be sent is the error of what is written next, or of the end.
func TestAnUploadThatFails(t *testing.T) {
	f, s, o := uploadBench(t)
	var aborted atomic.Int32
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		switch q := r.URL.Query(); {
		case r.Method == http.MethodPut && q.Get("partNumber") == "2":
			http.Error(w, "no", http.StatusForbidden)
			return
		case r.Method == http.MethodDelete && q.Has("uploadId"):
			aborted.Add(1)
		}
		next.ServeHTTP(w, r)
	})
	u, err := o.Create(t.Context(), "dump")
	if err != nil {
		t.Fatal(err)
	}
	content := randomBytes(partSize)
	for range 8 {
		if _, err = u.Write(content); err != nil {
			break
		}
	}
	if err == nil {
		err = u.Commit(t.Context())
	}
	if !errors.Is(err, storage.ErrSetup) {
		t.Errorf("the upload ends with %v", err)
	}
	if err := u.Discard(t.Context()); err != nil || aborted.Load() != 1 {
		t.Errorf("%v, aborted %d times", err, aborted.Load())
	}
	if got, err := s.get(t.Context(), "dump"); string(got) != "before" || err != nil {
		t.Errorf("%d bytes are there, %v", len(got), err)
	}
	if _, err := o.Create(t.Context(), strings.Repeat("k", maxKey+1)); !errors.Is(err, storage.ErrUnusableName) {
		t.Errorf("a key that is too long: %v", err)
	}
}
