package diskblob

import (
	"errors"
	"syscall"
)

// isFull reports whether the medium or a quota has no space left.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// isBroken reports whether the medium fails or the process has no file handles
// left; the same may work later.
func isBroken(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
