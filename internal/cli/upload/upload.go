// Package upload puts an archive where the worker reads it: plain, under the name
// of its job, as a whole or not at all.
package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/specstar-worker/worker/archive"
)

// suffix ends the names of uploads.
const suffix = ".acbak"

// Stdin is the path that means standard input.
const Stdin = "-"

// Upload is an archive that was put.
type Upload struct {
	// Name is the file's name in the directory of uploads.
	Name string
	// Size is the length of the plain archive in bytes, Modified when its content
	// was last changed.
	Size     int64
	Modified time.Time
}

// Name returns the name under which the archive of a job is put.
func Name(job string) string { return job + suffix }

// Put puts the archive at path, or on stdin when path is [Stdin], into dir for
// the job. A plain file is linked, or copied where that cannot be; a compressed
// one (gzip, zstd) and standard input are written out plain. What does not begin
// like an archive is refused with an *archive.Error.
func Put(ctx context.Context, path string, stdin io.Reader, dir, job string) (Upload, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Upload{}, fmt.Errorf("make directory of uploads: %w", err)
	}
	target := filepath.Join(dir, Name(job))
	put := putFile
	if path == Stdin {
		put = func(_, target string) error { return putStream(ctx, stdin, target) }
	}
	if err := put(path, target); err != nil {
		return Upload{}, err
	}
	info, err := os.Stat(target)
	if err != nil {
		return Upload{}, fmt.Errorf("read upload: %w", err)
	}
	return Upload{Name: Name(job), Size: info.Size(), Modified: info.ModTime()}, nil
}

// putStream spools a stream, of which only the spool can tell the form.
func putStream(ctx context.Context, r io.Reader, target string) (err error) {
	spool, err := os.CreateTemp(filepath.Dir(target), ".stdin-*")
	if err != nil {
		return fmt.Errorf("make upload: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(spool.Name())) }()
	_, err = io.Copy(spool, &reader{ctx: ctx, r: r})
	if err = errors.Join(err, spool.Close()); err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	return putFile(spool.Name(), target)
}

// putFile gives target the plain content of the file at path.
func putFile(path, target string) error {
	f, err := archive.OpenFile(path)
	if err != nil {
		return err
	}
	plain, err := f.Plain(filepath.Dir(target))
	if err != nil {
		return errors.Join(fmt.Errorf("read archive %s: %w", path, err), f.Close())
	}
	err = place(plain, target)
	if cerr := plain.Close(); cerr != nil && err == nil {
		err = fmt.Errorf("close archive: %w", cerr)
	}
	return err
}

func place(plain *archive.Plain, target string) error {
	head := io.NewSectionReader(plain, 0, plain.Size())
	if _, err := archive.NewReader(head, archive.Limits{}).Next(); err != nil {
		return fmt.Errorf("read archive %s: %w", plain.Name(), err)
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replace upload: %w", err)
	}
	// The name may be a symbolic link, which must not be what is linked.
	if name, err := filepath.EvalSymlinks(plain.Name()); err == nil && os.Link(name, target) == nil {
		return persist(target)
	}
	return copyTo(target, io.NewSectionReader(plain, 0, plain.Size()))
}

// persist makes sure that the upload is there after a crash, as the job will be.
func persist(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read upload: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write upload: %w", err)
	}
	return nil
}

// copyTo is for sources on another file system than the target.
func copyTo(target string, r io.Reader) (err error) {
	f, err := os.CreateTemp(filepath.Dir(target), ".copy-*")
	if err != nil {
		return fmt.Errorf("make upload: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write upload: %w", err), os.Remove(f.Name()))
		}
	}()
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}

// reader stops when ctx ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
