package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

// putObject puts an object and returns what reads it.
func putObject(t *testing.T, f *fake, key string, content []byte) (*Objects, ObjectInfo) {
	t.Helper()
	s := openFake(t, f.config())
	if err := s.put(t.Context(), object{key: key, body: bytesBody(content)}); err != nil {
		t.Fatal(err)
	}
	o, err := OpenObjects(t.Context(), f.config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	i, err := o.Look(t.Context(), key)
	if err != nil || i.Size != int64(len(content)) || i.ETag == "" || i.Modified.IsZero() {
		t.Fatalf("Look = %+v, %v", i, err)
	}
	return o, i
}

func randomBytes(n int) []byte {
	b, r := make([]byte, n), rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b) // it has no errors
	return b
}

// ranges notes the ranges that are asked for.
type ranges struct {
	mu  sync.Mutex
	all []string
}

func (r *ranges) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, text)
}

func (r *ranges) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

func TestAnObjectIsReadAheadOf(t *testing.T) {
	f := startFake(t)
	content := randomBytes(24<<20 + 5)
	o, i := putObject(t, f, "dump", content)
	var asked ranges
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		asked.note(r.Header.Get("Range"))
		next.ServeHTTP(w, r)
	})
	file := o.Open(t.Context(), "dump", i)
	defer file.Close()
	if got, err := io.ReadAll(io.NewSectionReader(file, 0, file.Size())); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	// 256 KiB, 512 KiB, 1, 2, 4 MiB … : nothing twice.
	if n := len(asked.taken()); n != 10 {
		t.Errorf("%d requests, want 10", n)
	}
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, content) {
		t.Errorf("from its beginning: %d bytes, %v", len(got), err)
	}
	if n, err := file.ReadAt(make([]byte, 10), i.Size-3); n != 3 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

func TestWhatIsAnnouncedIsAllThatIsFetched(t *testing.T) {
	f := startFake(t)
	content := randomBytes(12 << 20)
	o, i := putObject(t, f, "dump", content)
	var asked ranges
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		asked.note(r.Header.Get("Range"))
		next.ServeHTTP(w, r)
	})
	file := o.Open(t.Context(), "dump", i)
	defer file.Close()
	const from, to = 5_000_000, 7_000_000
	file.WillRead(from, to)
	if got, err := io.ReadAll(io.NewSectionReader(file, from, to-from)); err != nil || !bytes.Equal(got, content[from:to]) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if got := asked.taken(); len(got) != 1 || got[0] != fmt.Sprintf("bytes=%d-%d", from, to-1) {
		t.Errorf("asked for %q", got)
	}
}

// TestRangesThatAreCutAreReadOn: what came is not fetched again.
func TestRangesThatAreCutAreReadOn(t *testing.T) {
	f := startFake(t)
	content := randomBytes(1 << 20)
	o, i := putObject(t, f, "dump", content)
	var asked ranges
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		asked.note(r.Header.Get("Range"))
		next.ServeHTTP(&cutting{w, 100_000}, r)
	})
	file := o.Open(t.Context(), "dump", i)
	defer file.Close()
	file.WillRead(0, 1<<20)
	if got, err := io.ReadAll(io.NewSectionReader(file, 0, file.Size())); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if got := asked.taken(); len(got) != 11 || got[1] != "bytes=100000-1048575" {
		t.Errorf("asked for %q", got)
	}
}

func TestObjectsThatChangeOrVanish(t *testing.T) {
	f := startFake(t)
	o, i := putObject(t, f, "dump", randomBytes(1<<20))
	file := o.Open(t.Context(), "dump", i)
	defer file.Close()
	read := func(at int64) error {
		_, err := file.ReadAt(make([]byte, 10), at)
		return err
	}
	if err := read(0); err != nil {
		t.Fatal(err)
	}
	putObject(t, f, "dump", randomBytes(1<<19))
	if err := read(i.Size / 2); !errors.Is(err, ErrReplaced) {
		t.Errorf("replaced: %v", err)
	}
	if err := read(i.Size - 10); !errors.Is(err, ErrReplaced) {
		t.Errorf("shorter than what is read: %v", err)
	}
	if err := openFake(t, f.config()).remove(t.Context(), "dump"); err != nil {
		t.Fatal(err)
	}
	if err := read(i.Size / 2); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	if _, err := o.Look(t.Context(), "dump"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Look = %v", err)
	}
	elsewhere := f.config()
	elsewhere.Bucket = "nowhere"
	none, err := OpenObjects(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.Look(t.Context(), "dump"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("without a bucket: %v", err)
	}
}

// TestAnOutageIsForgotten: what could not be read is read when the service is back.
func TestAnOutageIsForgotten(t *testing.T) {
	f := startFake(t)
	content := randomBytes(1000)
	_, i := putObject(t, f, "dump", content)
	c := f.config()
	c.RetryFor = -1
	o, err := OpenObjects(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	file := o.Open(t.Context(), "dump", i)
	defer file.Close()
	f.on(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { fail(w, 503, "SlowDown") })
	got := make([]byte, 1000)
	if _, err := file.ReadAt(got, 0); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("down: %v", err)
	}
	f.on(nil)
	if _, err := file.ReadAt(got, 0); err != nil || !bytes.Equal(got, content) {
		t.Errorf("back: %v", err)
	}
}
