package archive_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/specstar-worker/worker/archive"
)

func gzipped(t *testing.T, parts ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, part := range parts {
		w := gzip.NewWriter(&out)
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func zstandard(t *testing.T, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

func inFile(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dump.acbak")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFileForms(t *testing.T) {
	want := plainBytes(t, "small.acbak")
	for _, tc := range []struct {
		name, form string
		b          []byte
	}{
		{"plain", "", want},
		{"gzip", "gzip", gzipped(t, want)},
		{"gzip of two members", "gzip", gzipped(t, want[:5000], want[5000:])},
		{"zstd", "zstd", zstandard(t, want)},
		{"zstd of two frames", "zstd", append(zstandard(t, want[:5000]), zstandard(t, want[5000:])...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := inFile(t, tc.b)
			f, err := archive.OpenFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(f)
			if err != nil || !bytes.Equal(got, want) || f.Compression() != tc.form {
				t.Fatalf("%d bytes of form %q, %v", len(got), f.Compression(), err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			checkPlain(t, path, want, tc.form != "")
		})
	}
}

// checkPlain makes the file at path seekable and compares it.
func checkPlain(t *testing.T, path string, want []byte, copied bool) {
	t.Helper()
	f, err := archive.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plain(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(p, 0, p.Size()))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if (p.Name() != path) != copied {
		t.Fatalf("the plain bytes of %s are in %s", path, p.Name())
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.Name()); errors.Is(err, os.ErrNotExist) != copied {
		t.Fatalf("after Close: %v", err)
	}
}

func TestFilesThatAreNoArchive(t *testing.T) {
	for _, tc := range []struct {
		name, says string
		b          []byte
	}{
		{"text", `text beginning with "hello`, []byte("hello, this is a note\n")},
		{"JSON", "JSON", []byte(`{"models": []}`)},
		{"ZIP", "a ZIP file", []byte("PK\x03\x04............")},
		{"SQLite", "a SQLite database", []byte("SQLite format 3\x00.....")},
		{"binary", "unknown data beginning with ca fe", []byte("\xca\xfe\xba\xbe\x00\x00\x00\x00\x00")},
		{"broken gzip", "bad compressed data", []byte("\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := inFile(t, tc.b)
			_, err := archive.OpenFile(path)
			wantError(t, err, archive.CodeCorrupt, 0)
			if !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), path) {
				t.Fatalf("%q does not say %q", err, tc.says)
			}
			_, err = readAll(tc.b)
			wantError(t, err, archive.CodeCorrupt, 0)
		})
	}
}

func TestFilesThatCannotBeOpened(t *testing.T) {
	if _, err := archive.OpenFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := archive.OpenFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory: %v", err)
	}
	f, err := archive.OpenFile(inFile(t, gzipped(t, plainBytes(t, "small.acbak"))))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Plain(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
}

// readFile reads the archive at path to its end, as a stream and seekable.
func readFile(t *testing.T, b []byte) (streamed, seekable error) {
	t.Helper()
	path := inFile(t, b)
	f, err := archive.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, err := range archive.NewReader(f, archive.Limits{}).Records() {
		streamed = err
	}
	again, err := archive.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p, seekable := again.Plain(dir)
	if seekable == nil {
		t.Cleanup(func() { p.Close() })
		return streamed, nil
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%d files are left behind, %v", len(left), err)
	}
	return streamed, errors.Join(seekable, again.Close())
}

func TestDamagedCompressedFiles(t *testing.T) {
	plain := plainBytes(t, "big_2000.acbak.gz")
	packed := map[string][]byte{"gzip": gzipped(t, plain), "zstd": zstandard(t, plain)}
	for form, b := range packed {
		t.Run(form+" cut off", func(t *testing.T) {
			streamed, seekable := readFile(t, b[:len(b)/2])
			wantCode(t, streamed, archive.CodeTruncated)
			wantCode(t, seekable, archive.CodeTruncated)
		})
		t.Run(form+" changed", func(t *testing.T) {
			bad := bytes.Clone(b)
			for i := range 64 {
				bad[len(bad)/2+i] ^= 0x55
			}
			streamed, seekable := readFile(t, bad)
			wantCode(t, streamed, archive.CodeCorrupt)
			wantCode(t, seekable, archive.CodeCorrupt)
		})
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[*archive.Error](err); !ok || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

// TestDecompressionBomb expands 1000 times in a frame within the limits.
func TestDecompressionBomb(t *testing.T) {
	zeros := make([]byte, 40<<20)
	var file bytes.Buffer
	w := archive.NewWriter(&file)
	for _, rec := range []archive.Record{
		archive.Header{},
		archive.ModelStart{Model: "m"},
		archive.Blob{FileID: "f", Data: zeros, Size: int64(len(zeros))},
		archive.ModelEnd{Model: "m"},
		archive.EOF{},
	} {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for form, b := range map[string][]byte{"gzip": gzipped(t, file.Bytes()), "zstd": zstandard(t, file.Bytes())} {
		t.Run(form, func(t *testing.T) {
			streamed, seekable := readFile(t, b)
			wantCode(t, streamed, archive.CodeCorrupt)
			wantCode(t, seekable, archive.CodeCorrupt)
		})
	}
}
