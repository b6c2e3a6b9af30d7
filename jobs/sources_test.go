package jobs_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
)

// emptyArchive is an archive without models.
func emptyArchive(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := archive.NewWriter(&buf)
	if err := errors.Join(w.Write(archive.Header{Version: 2}), w.Write(archive.EOF{}), w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// sourceDirs returns a root with plain.acbak, packed.acbak.gz and a link that
// leads out of it.
func sourceDirs(t *testing.T) (root, outside string) {
	t.Helper()
	root, outside = t.TempDir(), t.TempDir()
	write := func(path string, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(root, "plain.acbak"), emptyArchive(t))
	write(filepath.Join(outside, "secret"), []byte("secret"))
	f, err := os.Create(filepath.Join(root, "packed.acbak.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := z.Write(emptyArchive(t)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), f.Close(), os.Symlink(filepath.Join(outside, "secret"), filepath.Join(root, "link"))); err != nil {
		t.Fatal(err)
	}
	return root, outside
}

func TestSourcesAreReadPlain(t *testing.T) {
	root, _ := sourceDirs(t)
	temp := t.TempDir()
	s := jobs.FileSources{Uploads: root, Roots: []string{root}, Temp: temp}
	for _, source := range []string{"upload:plain.acbak", "upload:packed.acbak.gz", "file:" + filepath.Join(root, "packed.acbak.gz")} {
		src, err := s.Open(t.Context(), jobs.Load{Source: source})
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(io.NewSectionReader(src, 0, src.Size()))
		if err != nil || !bytes.Equal(b, emptyArchive(t)) {
			t.Fatalf("%s: %q, %v", source, b, err)
		}
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Fatalf("%d temporary files are left, %v", len(left), err)
	}
}

func TestSourcesThatAreRefused(t *testing.T) {
	root, outside := sourceDirs(t)
	s := jobs.FileSources{Uploads: root, Roots: []string{root}}
	for name, tc := range map[string]struct {
		load jobs.Load
		code string
	}{
		"outside":         {jobs.Load{Source: "file:" + filepath.Join(outside, "secret")}, jobs.CodeSourceRefused},
		"by dots":         {jobs.Load{Source: "file:" + root + "/../" + filepath.Base(outside) + "/secret"}, jobs.CodeSourceRefused},
		"by a link":       {jobs.Load{Source: "file:" + filepath.Join(root, "link")}, jobs.CodeSourceRefused},
		"uploaded link":   {jobs.Load{Source: "upload:link"}, jobs.CodeSourceRefused},
		"nowhere":         {jobs.Load{Source: "upload:none"}, jobs.CodeSourceNotFound},
		"other length":    {jobs.Load{Source: "upload:plain.acbak", Size: opt.Of(int64(1))}, jobs.CodeSourceChanged},
		"other time":      {jobs.Load{Source: "upload:plain.acbak", Modified: time.Unix(1, 0)}, jobs.CodeSourceChanged},
		"other ETag":      {jobs.Load{Source: "upload:plain.acbak", ETag: "x"}, jobs.CodeSourceChanged},
		"unknown scheme":  {jobs.Load{Source: "ftp:x"}, jobs.CodeSourceRefused},
		"path as a name":  {jobs.Load{Source: "upload:a/b"}, jobs.CodeSourceRefused},
		"name of nothing": {jobs.Load{Source: "upload:"}, jobs.CodeSourceRefused},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Open(t.Context(), tc.load)
			refused, ok := errors.AsType[*jobs.RefusedError](err)
			if !ok || refused.Code != tc.code {
				t.Fatalf("Open = %v", err)
			}
		})
	}
	if _, err := (jobs.FileSources{}).Open(t.Context(), jobs.Load{Source: "upload:x"}); err == nil {
		t.Fatal("a worker without uploads opened one")
	}
}
