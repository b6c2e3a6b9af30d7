// Package unpack gives tests the stores that are kept as archives in testdata.
package unpack

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Into writes what is in a tar.gz archive to dir: directories, files and symbolic
// links. Whatever fails ends the test.
func Into(t testing.TB, dir, archive string) {
	t.Helper()
	if err := into(dir, archive); err != nil {
		t.Fatalf("unpack %s: %v", archive, err)
	}
}

func into(dir, archive string) (err error) {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = write(filepath.Join(dir, h.Name), h, r)
		}
		if err != nil {
			return err
		}
	}
}

// write writes one entry of an archive.
func write(name string, h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeDir {
		return os.MkdirAll(name, 0o700)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeSymlink {
		return os.Symlink(h.Linkname, name)
	}
	b, err := io.ReadAll(content)
	return errors.Join(err, os.WriteFile(name, b, 0o600))
}
