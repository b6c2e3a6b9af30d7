package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/specstar-worker/worker/opt"
)

// FileSources are archives in directories of this machine. It is the [SourcePlace] of
// "upload:NAME" and of "file:PATH", and by itself a [SourceOpener] of them that shares
// nothing between jobs, see [Sources].
type FileSources struct {
	// Uploads is the directory of "upload:NAME"; empty when there is none.
	Uploads string
	// Roots are the directories below which "file:PATH" may read.
	Roots []string
	// Temp takes decompressed copies of what Open opens; empty means the system's.
	Temp string
}

// Open implements [SourceOpener]. A compressed archive is decompressed into a file that
// has no name and goes with Close.
func (s FileSources) Open(ctx context.Context, l Load) (Source, error) {
	stored, err := s.Find(ctx, l)
	if err != nil {
		return nil, err
	}
	return plainSource(ctx, l.Source, stored, s.Temp)
}

// Pins implements [SourcePlace]. A file is pinned by its length, by the time of its last
// change and by its inode.
func (s FileSources) Pins(_ context.Context, l Load) (Load, error) {
	f, err := s.open(l.Source)
	if err != nil {
		return Load{}, err
	}
	now, err := filePins(f, l)
	if err = errors.Join(err, f.Close()); err != nil {
		return Load{}, err
	}
	return l.Pinned(now), l.ChangedFrom(now)
}

// Find implements [SourcePlace].
func (s FileSources) Find(_ context.Context, l Load) (io.ReadCloser, error) {
	f, err := s.open(l.Source)
	if err != nil {
		return nil, err
	}
	now, err := filePins(f, l)
	if err == nil {
		err = l.ChangedFrom(now)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	size, _ := now.Size.Get()
	return &fileSource{File: f, pinned: l, size: size}, nil
}

// open opens the file that a source names, symbolic links followed, when it lies in a
// directory that may be read.
func (s FileSources) open(source string) (*os.File, error) {
	scheme, rest, err := SplitSource(source)
	if err != nil {
		return nil, &RefusedError{Code: CodeSourceRefused, Err: fmt.Errorf("source %w", err)}
	}
	roots, gone := s.Roots, "there is no such file"
	switch {
	case scheme == SourceUpload && s.Uploads == "":
		return nil, RefuseSource(CodeSourceRefused, source, "this worker has no uploads")
	case scheme == SourceUpload:
		roots, rest = []string{s.Uploads}, filepath.Join(s.Uploads, rest)
		gone = "it is no longer in " + s.Uploads + "; submit the load again"
	case scheme != SourceFile:
		return nil, RefuseSource(CodeSourceRefused, source, "it is no file")
	}
	path, err := resolved(rest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, RefuseSource(CodeSourceNotFound, source, "%s", gone)
	}
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", source, err)
	}
	for _, dir := range roots {
		f, err := openBelow(dir, path)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", source, err)
		}
		if f != nil {
			return f, nil
		}
	}
	return nil, RefuseSource(CodeSourceRefused, source,
		"it is not in a directory that this worker may read %q; start the worker with --sources %s, or upload the archive: worker load FILE", roots, filepath.Dir(path))
}

// readAtOnce opens what is to be read without waiting, as for the writer of a pipe.
const readAtOnce = os.O_RDONLY | syscall.O_NONBLOCK

// openBelow opens a file with a resolved path that is dir or below it, in spite of
// whoever exchanges directories for links meanwhile. It returns nil for one that is not.
func openBelow(dir, path string) (*os.File, error) {
	real, err := resolved(dir)
	if err != nil {
		return nil, nil // a directory that is not there has no files
	}
	rel, err := filepath.Rel(real, path)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, nil
	}
	if rel == "." {
		return os.OpenFile(path, readAtOnce|syscall.O_NOFOLLOW, 0)
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(rel, readAtOnce, 0)
}

func resolved(path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// filePins returns the source with the pins of an open file.
func filePins(f *os.File, l Load) (Load, error) {
	info, err := f.Stat()
	if err != nil {
		return l, fmt.Errorf("source %s: %w", l.Source, err)
	}
	if !info.Mode().IsRegular() {
		return l, RefuseSource(CodeSourceRefused, l.Source, "it is no regular file; name one")
	}
	l.Size, l.Modified, l.ETag = opt.Of(info.Size()), info.ModTime().UTC(), ""
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		l.ETag = "inode:" + strconv.FormatUint(stat.Ino, 10)
	}
	return l, nil
}

// fileSource is a file of a known length.
type fileSource struct {
	*os.File
	pinned Load
	size   int64
}

// Size implements [Source].
func (f *fileSource) Size() int64 { return f.size }

// Unchanged refuses a file that was written into since it was opened.
func (f *fileSource) Unchanged() error {
	now, err := filePins(f.File, f.pinned)
	if err != nil {
		return err
	}
	return f.pinned.ChangedFrom(now)
}
