package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// FileTargets are directories of this machine below which archives may be written. It is
// the [TargetPlace] of "file:PATH".
type FileTargets struct{ Roots []string }

// Create implements [TargetPlace]. The archive is written to a hidden file beside its
// place, and takes that at the end.
func (t FileTargets) Create(_ context.Context, target string, job, attempt uuid.UUID) (TargetFile, error) {
	_, path, err := SplitTarget(target)
	if err != nil {
		return nil, &RefusedError{Code: CodeTargetRefused, Err: fmt.Errorf("target %w", err)}
	}
	f, err := t.place(target, path)
	if err != nil {
		return nil, err
	}
	if err := f.begin(job, attempt); err != nil {
		return nil, errors.Join(fmt.Errorf("target %s: %w", target, err), f.root.Close())
	}
	return f, nil
}

// place opens the directory of a file, symbolic links followed, when it lies in one that
// may be written.
func (t FileTargets) place(target, path string) (*targetFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", target, err)
	}
	dir, name := filepath.Split(path)
	dir, err = filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, RefuseTarget(CodeTargetNotFound, target, "there is no such directory on this worker")
	}
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", target, err)
	}
	for _, root := range t.Roots {
		in, err := openDirBelow(root, dir)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", target, err)
		}
		if in == nil {
			continue
		}
		if info, err := in.Lstat(name); err == nil && !info.Mode().IsRegular() {
			return nil, errors.Join(RefuseTarget(CodeTargetRefused, target, "it is there and no file"), in.Close())
		}
		return &targetFile{root: in, dir: dir, name: name}, nil
	}
	return nil, RefuseTarget(CodeTargetRefused, target, "it is not in a directory that may be written; start the worker with --targets %s", dir)
}

// openDirBelow opens a real directory when it is a root or below it, nil when it is not.
// What is made of a link meanwhile leads nowhere else.
func openDirBelow(root, dir string) (in *os.Root, err error) {
	root, err = filepath.EvalSymlinks(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, nil
	}
	top, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	in, err = top.OpenRoot(rel)
	return in, errors.Join(err, top.Close())
}

// targetFile is an archive on its way to its place in a directory.
type targetFile struct {
	root      *os.Root
	dir, name string
	temp      string
	f         *os.File
}

// begin makes the hidden file, and removes those of attempts before.
func (t *targetFile) begin(job, attempt uuid.UUID) error {
	ours := "." + t.name + "-" + job.String() + "-"
	entries, err := fs.ReadDir(t.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ours) {
			if err := t.root.Remove(e.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	t.temp = ours + attempt.String()[:8]
	t.f, err = t.root.OpenFile(t.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	return err
}

// Write implements io.Writer.
func (t *targetFile) Write(p []byte) (int, error) { return t.f.Write(p) }

// Name implements [TargetFile].
func (t *targetFile) Name() string { return SchemeFile + ":" + filepath.Join(t.dir, t.name) }

// Commit implements [TargetFile].
func (t *targetFile) Commit(context.Context) error {
	err := errors.Join(t.f.Sync(), t.f.Close())
	if err == nil {
		err = t.root.Rename(t.temp, t.name)
	}
	if err == nil {
		err = t.syncDir()
	}
	if err != nil {
		return fmt.Errorf("target %s: %w", t.Name(), err)
	}
	return t.root.Close()
}

// syncDir has the new name survive the machine.
func (t *targetFile) syncDir() error {
	d, err := t.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Discard implements [TargetFile].
func (t *targetFile) Discard(context.Context) error {
	_ = t.f.Close() // Commit may have
	err := t.root.Remove(t.temp)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, t.root.Close())
}
