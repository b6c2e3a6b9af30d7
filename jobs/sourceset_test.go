package jobs_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

// shelf is a place of one archive, which can only be read from its beginning.
type shelf struct {
	content []byte
	etag    string
	fail    error

	found, closed atomic.Int64
	// hold is closed when reading may begin; nil for at once.
	hold chan struct{}
}

func (s *shelf) Pins(_ context.Context, l jobs.Load) (jobs.Load, error) {
	now := l
	now.Size, now.ETag = opt.Of(int64(len(s.content))), s.etag
	return l.Pinned(now), l.ChangedFrom(now)
}

func (s *shelf) Find(context.Context, jobs.Load) (io.ReadCloser, error) {
	s.found.Add(1)
	if s.fail != nil {
		return nil, s.fail
	}
	return &shelved{s, bytes.NewReader(s.content)}, nil
}

type shelved struct {
	of *shelf
	r  io.Reader
}

func (r *shelved) Read(p []byte) (int, error) {
	if r.of.hold != nil {
		<-r.of.hold
	}
	return r.r.Read(p)
}

func (r *shelved) Close() error {
	r.of.closed.Add(1)
	return nil
}

func packed(t *testing.T) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(emptyArchive(t))
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func shelfSources(t *testing.T, s *shelf) *jobs.Sources {
	all := jobs.NewSources(jobs.SourceConfig{Places: map[string]jobs.SourcePlace{jobs.SourceObject: s}, Temp: t.TempDir()})
	t.Cleanup(func() {
		if err := all.Close(); err != nil {
			t.Error(err)
		}
	})
	return all
}

// TestASourceIsCopiedOnceForAll: many open the same compressed archive at once.
func TestASourceIsCopiedOnceForAll(t *testing.T) {
	s := &shelf{content: packed(t), etag: "1", hold: make(chan struct{})}
	all := shelfSources(t, s)
	var opening sync.WaitGroup
	begun := make(chan struct{}, 20)
	for range 20 {
		opening.Go(func() {
			begun <- struct{}{}
			src, err := all.Open(t.Context(), jobs.Load{Source: "object:a", ETag: "1"})
			if err != nil {
				t.Error(err)
				return
			}
			if b, err := io.ReadAll(io.NewSectionReader(src, 0, src.Size())); err != nil || !bytes.Equal(b, emptyArchive(t)) {
				t.Errorf("%q, %v", b, err)
			}
			if err := errors.Join(src.Close(), src.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	for range 20 {
		<-begun
	}
	close(s.hold)
	opening.Wait()
	if n := s.found.Load(); n != 1 {
		t.Errorf("it was read %d times", n)
	}
	// Another version is another source.
	s.etag = "2"
	src, err := all.Open(t.Context(), jobs.Load{Source: "object:a"})
	if err != nil || s.found.Load() != 2 {
		t.Fatalf("%v, read %d times", err, s.found.Load())
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAnIdleSourceIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{content: packed(t), etag: "1"}
		temp := t.TempDir()
		all := jobs.NewSources(jobs.SourceConfig{Places: map[string]jobs.SourcePlace{jobs.SourceObject: s}, Temp: temp, Idle: time.Minute})
		open := func(wait time.Duration) {
			src, err := all.Open(t.Context(), jobs.Load{Source: "object:a", ETag: "1"})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait)
			if err := src.Close(); err != nil {
				t.Fatal(err)
			}
		}
		open(time.Hour) // what is read is not idle
		time.Sleep(59 * time.Second)
		open(0)
		if n := s.found.Load(); n != 1 {
			t.Errorf("read %d times before it was idle for long", n)
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		open(0)
		if n := s.found.Load(); n != 2 {
			t.Errorf("read %d times, want another time when it was idle for long", n)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
			t.Errorf("%d files are left, %v", len(left), err)
		}
		if err := all.Close(); err != nil {
			t.Error(err)
		}
		if _, err := all.Open(t.Context(), jobs.Load{Source: "object:a", ETag: "1"}); err == nil {
			t.Error("sources that are closed were opened")
		}
	})
}

// TestAnOpeningThatFailsIsForgotten: the next one tries again.
func TestAnOpeningThatFailsIsForgotten(t *testing.T) {
	s := &shelf{content: packed(t), etag: "1", fail: storage.ErrUnavailable}
	all := shelfSources(t, s)
	l := jobs.Load{Source: "object:a", ETag: "1"}
	if _, err := all.Open(t.Context(), l); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("Open = %v", err)
	}
	s.fail = nil
	src, err := all.Open(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWhoDoesNotWaitLeavesTheOpeningToOthers: a job that is cancelled while a source is
// copied for several does not end the copy.
func TestWhoDoesNotWaitLeavesTheOpeningToOthers(t *testing.T) {
	s := &shelf{content: packed(t), etag: "1", hold: make(chan struct{})}
	all := shelfSources(t, s)
	l := jobs.Load{Source: "object:a", ETag: "1"}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.Open(gone, l); !errors.Is(err, context.Canceled) {
		t.Fatalf("Open = %v", err)
	}
	close(s.hold)
	src, err := all.Open(t.Context(), l)
	if err != nil || s.found.Load() != 1 {
		t.Fatalf("%v, read %d times", err, s.found.Load())
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAReaderEndsWithItsJob: others go on.
func TestAReaderEndsWithItsJob(t *testing.T) {
	all := shelfSources(t, &shelf{content: emptyArchive(t), etag: "1"})
	ctx, cancel := context.WithCancel(t.Context())
	mine, err := all.Open(ctx, jobs.Load{Source: "object:a"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := all.Open(t.Context(), jobs.Load{Source: "object:a"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := mine.ReadAt(make([]byte, 1), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("ReadAt = %v", err)
	}
	if _, err := other.ReadAt(make([]byte, 1), 0); err != nil {
		t.Errorf("another's ReadAt = %v", err)
	}
	if err := errors.Join(mine.Close(), other.Close()); err != nil {
		t.Error(err)
	}
}

// TestASharedFileThatIsWrittenIntoIsRefused: it was opened before.
func TestASharedFileThatIsWrittenIntoIsRefused(t *testing.T) {
	root, _ := sourceDirs(t)
	path := filepath.Join(root, "plain.acbak")
	all := jobs.NewSources(jobs.SourceConfig{Places: map[string]jobs.SourcePlace{jobs.SourceFile: jobs.FileSources{Roots: []string{root}}}})
	defer all.Close()
	l, err := all.Pins(t.Context(), jobs.Load{Source: "file:" + path})
	if size, ok := l.Size.Get(); err != nil || !ok || size == 0 || l.Modified.IsZero() || l.ETag == "" {
		t.Fatalf("Pins = %+v, %v", l, err)
	}
	src, err := all.Open(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	refused := func(what string) {
		t.Helper()
		_, err := all.Open(t.Context(), l)
		if refused, ok := errors.AsType[*jobs.RefusedError](err); !ok || refused.Code != jobs.CodeSourceChanged {
			t.Errorf("%s: Open = %v", what, err)
		}
	}
	if err := os.WriteFile(path, append(emptyArchive(t), 0), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("shared")
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	// The same bytes at the same time in another file are another one.
	replace := filepath.Join(root, "new")
	err = errors.Join(os.WriteFile(replace, emptyArchive(t), 0o600), os.Chtimes(replace, l.Modified, l.Modified), os.Rename(replace, path))
	if err != nil {
		t.Fatal(err)
	}
	fresh := jobs.FileSources{Roots: []string{root}}
	if _, err := fresh.Open(t.Context(), l); err == nil {
		t.Error("a file that was exchanged is opened")
	}
}
