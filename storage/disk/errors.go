package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"github.com/specstar-worker/worker/storage"
)

// isAbsent reports whether there is nothing of the name.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// isTaken reports whether a rename met a directory.
func isTaken(err error) bool {
	return errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.ENOTDIR)
}

// isFull reports whether the medium or a quota has no space left.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// isBroken reports whether the medium fails, which includes that it went
// read-only, or the process has no file handles left; the same may work later.
func isBroken(err error) bool {
	return slices.ContainsFunc([]error{syscall.EIO, syscall.EROFS, syscall.ESTALE, syscall.EMFILE, syscall.ENFILE},
		func(target error) bool { return errors.Is(err, target) })
}

// explain says what was being done with the directory. A medium that is full or
// failing is storage.ErrUnavailable, with what helps.
func (r *place) explain(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return fmt.Errorf("%s %s in %s: the disk is full: free space there and try again: %w (%w)", doing, r.what, r.dir, storage.ErrUnavailable, err)
	case isBroken(err):
		return fmt.Errorf("%s %s in %s: the disk fails: check the device: %w (%w)", doing, r.what, r.dir, storage.ErrUnavailable, err)
	}
	return fmt.Errorf("%s %s in %s: %w", doing, r.what, r.dir, err)
}
