package sqlite

import (
	"context"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/specstar-worker/worker/storage"
)

// code returns the primary result code of an error of SQLite, 0 for others.
func code(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// explain says what was being done with the file and, where the medium is to
// blame, what helps; such errors are storage.ErrUnavailable, or storage.ErrSetup where a
// right is missing. A nil error stays nil.
func (f *Factory) explain(doing string, err error) error {
	return explain(f.path, doing, err)
}

func explain(path, doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	help := ""
	switch code(err) {
	case lib.SQLITE_FULL:
		help = "the disk is full: free space there and try again"
	case lib.SQLITE_IOERR:
		help = "reading or writing the disk failed: check the device and its free space"
	case lib.SQLITE_CANTOPEN:
		help = "the file cannot be opened: check that the directory exists and its permissions"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		help = "another process holds the file's write lock for too long: end it or try again"
	case lib.SQLITE_NOTADB:
		return fmt.Errorf("%s %s: not a SQLite file: move it away or choose another directory: %w", doing, path, err)
	case lib.SQLITE_CORRUPT:
		return fmt.Errorf("%s %s: the file is damaged: restore it from a backup: %w", doing, path, err)
	case lib.SQLITE_READONLY, lib.SQLITE_PERM:
		return fmt.Errorf("%s %s: the file may not be written: check its permissions: %w (%w)", doing, path, storage.ErrSetup, err)
	default:
		return fmt.Errorf("%s %s: %w", doing, path, err)
	}
	return fmt.Errorf("%s %s: %s: %w (%w)", doing, path, help, storage.ErrUnavailable, err)
}
