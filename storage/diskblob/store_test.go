package diskblob

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func openStore(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, s *Store, content string, o storage.PutOptions) storage.BlobInfo {
	t.Helper()
	info, err := s.Put(t.Context(), strings.NewReader(content), o)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func content(t *testing.T, s *Store, id string) string {
	t.Helper()
	r, _, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func list(t *testing.T, s *Store) []string {
	t.Helper()
	var ids []string
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, info.FileID)
	}
	return ids
}

func TestLayoutIsTheOriginals(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Config{Dir: dir})
	info := put(t, s, "hello", storage.PutOptions{ContentType: opt.Of("text/plain")})
	if want := resource.ContentHash([]byte("hello")); info.FileID != want || info.Size != 5 {
		t.Errorf("put gives %+v, want id %s and size 5", info, want)
	}
	put(t, s, "log", storage.PutOptions{Key: "__job_log__/a..b"})
	for name, want := range map[string]string{
		info.FileID:                     "hello",
		info.FileID + ".blobmeta":       "\x83\xa7file_id\xd9\x20" + info.FileID + "\xa4size\x05\xaccontent_type\xaatext/plain",
		"__job_log___a_b":               "log",
		"__job_log___a_b" + ".blobmeta": "\x82\xa7file_id\xb0__job_log__/a..b\xa4size\x03",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q (%v), want %q", name, got, err, want)
		}
	}
	if got := list(t, s); len(got) != 2 || got[0] != "__job_log__/a..b" {
		t.Errorf("list gives %q, want both ids", got)
	}
}

func TestPutTwice(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	put(t, s, "a", storage.PutOptions{Key: "k", ContentType: opt.Of("text/plain")})
	if again := put(t, s, "a", storage.PutOptions{Key: "k", ContentType: opt.Of("text/html")}); again.ContentType != opt.Of("text/plain") {
		t.Errorf("equal content has type %s, want that of the first", again.ContentType)
	}
	put(t, s, "other", storage.PutOptions{Key: "k"})
	if got := content(t, s, "k"); got != "other" {
		t.Errorf("key holds %q, want the new content", got)
	}
	if n := len(list(t, s)); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
}

func TestIDsThatNoFileCanHold(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	put(t, s, "a", storage.PutOptions{Key: "a/b"})
	for _, id := range []string{"nul\x00", strings.Repeat("x", 250), ".", "_sessions", "x.blobmeta", tempPrefix + "x", "\xff", `a\b`, "a_b"} {
		if _, err := s.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{Key: id}); err == nil {
			t.Errorf("put took id %q", id)
		}
	}
	put(t, s, "up", storage.PutOptions{Key: "../../etc/passwd"})
	if got := list(t, s); len(got) != 2 {
		t.Errorf("list gives %q, want two blobs in the directory", got)
	}
	if _, _, err := s.Open(t.Context(), ""); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("opening no id gives %v, want %v", err, storage.ErrNotFound)
	}
}

func TestLegacyFiles(t *testing.T) {
	dir := t.TempDir()
	b := msgpack.AppendMapHead(nil, 4)
	b = msgpack.AppendString(msgpack.AppendString(b, "file_id"), "old")
	b = msgpack.AppendInt(msgpack.AppendString(b, "size"), 3)
	b = msgpack.AppendString(msgpack.AppendString(b, "content_type"), "text/plain")
	b = msgpack.AppendBin(msgpack.AppendString(b, "data"), []byte("abc"))
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "old"), b, 0o600),
		os.WriteFile(filepath.Join(dir, "plain"), []byte("just bytes"), 0o600),
		os.Mkdir(filepath.Join(dir, "_sessions"), 0o700),
		os.WriteFile(filepath.Join(dir, "alone.blobmeta"), []byte("\x80"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, Config{Dir: dir, ReadOnly: true})
	if got := content(t, s, "old"); got != "abc" {
		t.Errorf("legacy file holds %q, want abc", got)
	}
	if info, err := s.Stat(t.Context(), "old"); err != nil || info.Size != 3 || info.ContentType != opt.Of("text/plain") {
		t.Errorf("legacy file is %+v (%v)", info, err)
	}
	if got := content(t, s, "plain"); got != "just bytes" {
		t.Errorf("file without sidecar holds %q", got)
	}
	if got := list(t, s); len(got) != 2 {
		t.Errorf("list gives %q, want two blobs", got)
	}
	if _, err := s.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{}); !errors.Is(err, errReadOnly) {
		t.Errorf("put gives %v, want %v", err, errReadOnly)
	}
}

func TestReadingMakesNoDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s := openStore(t, Config{Dir: dir})
	if got := list(t, s); len(got) != 0 {
		t.Errorf("list gives %q", got)
	}
	if err := s.Delete(t.Context(), "x"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat gives %v, want no directory", err)
	}
}

// failing gives some bytes and then an error.
type failing struct{ n int }

func (f *failing) Read(p []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return copy(p, "part"), nil
}

func TestFailedPutLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Config{Dir: dir})
	if _, err := s.Put(t.Context(), &failing{n: 3}, storage.PutOptions{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("put gives %v, want the reader's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, strings.NewReader("x"), storage.PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("put gives %v, want %v", err, context.Canceled)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("directory holds %v (%v), want nothing", left, err)
	}
}

func TestFirstPutRemovesOldTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	old, fresh := filepath.Join(dir, tempPrefix+"old"), filepath.Join(dir, tempPrefix+"fresh")
	past := time.Now().Add(-2 * staleAfter)
	if err := errors.Join(os.WriteFile(old, nil, 0o600), os.WriteFile(fresh, nil, 0o600), os.Chtimes(old, past, past)); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, Config{Dir: dir})
	if _, err := os.Stat(old); err != nil {
		t.Errorf("opening removed the old file: %v", err)
	}
	put(t, s, "x", storage.PutOptions{})
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old file is there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("a file that may still be written was removed: %v", err)
	}
}

// crashDir makes this test binary put blobs until it is killed.
const crashDir = "SPECSTAR_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := putBlobs(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func blobOf(n int) []byte { return bytes.Repeat(fmt.Append(nil, "blob ", n, ";"), 5000) }

func putBlobs(dir string) error {
	s, err := Open(context.Background(), Config{Dir: dir})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if _, err := s.Put(context.Background(), bytes.NewReader(blobOf(n)), storage.PutOptions{}); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestKilledPutLeavesWholeBlobs(t *testing.T) {
	dir := t.TempDir()
	for _, until := range []int{3, 12} {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), crashDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		last := -1
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatalf("the child wrote %q", lines.Text())
			}
			if last == until {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		s := openStore(t, Config{Dir: dir})
		for n := range last + 1 {
			if got := content(t, s, resource.ContentHash(blobOf(n))); got != string(blobOf(n)) {
				t.Errorf("blob %d was reported and is not whole", n)
			}
		}
		for _, id := range list(t, s) {
			if got := resource.ContentHash([]byte(content(t, s, id))); got != id {
				t.Errorf("blob %s has the content of %s", id, got)
			}
		}
	}
}
