package pgtest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

const (
	// prefix begins the names of our directories.
	prefix = "specstar-pg-"
	// ownerFile is locked by the process that owns the directory; the system frees
	// the lock when that process ends.
	ownerFile = "owner"
	// maxSocketPath is what the address of a unix socket holds, in bytes.
	maxSocketPath = 107
)

// makeDirectory makes the directory of a cluster, readable by the account that
// the server runs as. The file it returns holds the lock and stays open as long as the
// directory is used.
func makeDirectory(as *syscall.Credential) (dir string, lock *os.File, err error) {
	dir, err = os.MkdirTemp("", prefix)
	if err != nil {
		return "", nil, err
	}
	if len(filepath.Join(dir, ".s.PGSQL."+port)) > maxSocketPath {
		if err := os.Remove(dir); err != nil {
			return "", nil, err
		}
		if dir, err = os.MkdirTemp("/tmp", prefix); err != nil {
			return "", nil, err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if lock, err = lockOwner(dir); err != nil {
		return "", nil, err
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return "", nil, errors.Join(err, lock.Close())
		}
	}
	return dir, lock, nil
}

// lockOwner makes the owner's file. It has its name only once it is locked, so
// that nobody takes the directory for an abandoned one.
func lockOwner(dir string) (*os.File, error) {
	path := filepath.Join(dir, ownerFile)
	f, err := os.Create(path + ".new")
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
