package unpack

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestEverythingIsUnpacked(t *testing.T) {
	archive, dir := filepath.Join(t.TempDir(), "a.tar.gz"), t.TempDir()
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	for _, h := range []tar.Header{
		{Name: "empty/", Typeflag: tar.TypeDir},
		{Name: "deep/down/file", Typeflag: tar.TypeReg, Size: 4},
		{Name: "up/link", Typeflag: tar.TypeSymlink, Linkname: "../deep"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("text")[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	Into(t, dir, archive)
	if info, err := os.Stat(filepath.Join(dir, "empty")); err != nil || !info.IsDir() {
		t.Errorf("the directory: %v", err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "deep/down/file")); string(b) != "text" {
		t.Errorf("the file is %q, %v", b, err)
	}
	if to, err := os.Readlink(filepath.Join(dir, "up/link")); to != "../deep" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if err := into(dir, archive+".absent"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an archive that is not there gives %v", err)
	}
}
