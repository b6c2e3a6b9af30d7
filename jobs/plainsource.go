package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/specstar-worker/worker/archive"
)

// plainSource returns the plain archive of what is stored: that itself where it is plain
// and can be read at any place, else a copy in a temporary file below dir. stored is
// closed with it, or at once.
func plainSource(ctx context.Context, source string, stored io.ReadCloser, dir string) (Source, error) {
	at, anywhere := stored.(Source)
	r := stored
	if anywhere {
		r = io.NopCloser(io.NewSectionReader(at, 0, at.Size()))
	}
	f, err := archive.NewFile(endable{ctx, r})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("source %s: %w", source, err), stored.Close())
	}
	if anywhere && f.Compression() == "" {
		return at, nil
	}
	copied, err := copyPlain(f, dir)
	err = errors.Join(err, f.Close())
	if anywhere {
		err = errors.Join(err, stored.Close())
	}
	if err == nil {
		return copied, nil
	}
	if copied != nil {
		err = errors.Join(err, copied.Close())
	}
	return nil, fmt.Errorf("source %s: %w", source, err)
}

// tempSource is a plain copy. Its file has no name any more: it goes with the process,
// however that ends.
type tempSource struct {
	*os.File
	size int64
}

// Size implements [Source].
func (s *tempSource) Size() int64 { return s.size }

// copyPlain writes the plain archive into a file below dir.
func copyPlain(f *archive.File, dir string) (*tempSource, error) {
	temp, err := os.CreateTemp(dir, "archive-*.acbak")
	if err != nil {
		return nil, fmt.Errorf("make room for the plain archive: %w", err)
	}
	s := &tempSource{File: temp}
	if err := os.Remove(temp.Name()); err != nil {
		return s, fmt.Errorf("make room for the plain archive: %w", err)
	}
	if s.size, err = f.WriteTo(temp); errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w: %s has no room for the plain archive, of which %d bytes were written; free some there, or keep the archive uncompressed in S3 or in a directory of --sources",
			err, dirOf(dir), s.size)
	}
	return s, err
}

// dirOf names the directory of temporary files.
func dirOf(dir string) string {
	if dir == "" {
		return os.TempDir()
	}
	return dir
}

// endable is a reader that ends with a context.
type endable struct {
	ctx context.Context
	io.ReadCloser
}

// Read implements [io.Reader].
func (r endable) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.ReadCloser.Read(p)
}
