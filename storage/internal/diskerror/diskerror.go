// Package diskerror tells what an error of a file system means to a store.
package diskerror

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"github.com/specstar-worker/worker/storage"
)

// Explain says what was being done with what is kept in a directory. A medium that is
// full or fails is storage.ErrUnavailable, a right that is missing storage.ErrSetup, a
// name that the file system does not take storage.ErrUnusableName, each with what helps.
// A nil error stays nil.
func Explain(doing, what, dir string, err error) error {
	if err == nil {
		return nil
	}
	doing = fmt.Sprintf("%s %s in %s", doing, what, dir)
	switch {
	case IsFull(err):
		return fmt.Errorf("%s: the disk is full: free space there and try again: %w (%w)", doing, storage.ErrUnavailable, err)
	case isBroken(err):
		return fmt.Errorf("%s: the disk fails: check the device: %w (%w)", doing, storage.ErrUnavailable, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: a right is missing: check who owns the directory and what is in it: %w (%w)", doing, storage.ErrSetup, err)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return fmt.Errorf("%s: the file system takes no such long name: %w (%w)", doing, storage.ErrUnusableName, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// IsFull reports whether the medium or a quota has no space left.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// isBroken reports whether the medium fails, which includes that it went
// read-only, or the process has no file handles left; the same may work later.
func isBroken(err error) bool {
	return slices.ContainsFunc([]error{syscall.EIO, syscall.EROFS, syscall.ESTALE, syscall.EMFILE, syscall.ENFILE},
		func(target error) bool { return errors.Is(err, target) })
}
