package disk

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/specstar-worker/worker/storage/internal/diskerror"
)

// isAbsent reports whether there is nothing of the name, or cannot be: some file systems
// take shorter names than others.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// isTaken reports whether a rename met a directory.
func isTaken(err error) bool {
	return errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.ENOTDIR)
}

// explain says what was being done with the directory, and what helps.
func (r *place) explain(doing string, err error) error {
	return diskerror.Explain(doing, r.what, r.dir, err)
}
