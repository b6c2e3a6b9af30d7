package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// scratch is a fresh in-memory file system, or a fresh directory on one.
type scratch struct {
	dir     string
	mounted bool
}

// newScratch mounts a tmpfs when this process may, and otherwise makes a
// directory on /dev/shm.
func newScratch() (scratch, error) {
	if os.Geteuid() == 0 {
		dir, err := os.MkdirTemp("", "spinebench")
		if err != nil {
			return scratch{}, err
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, ""); err == nil {
			return scratch{dir, true}, nil
		}
		if err := os.Remove(dir); err != nil {
			return scratch{}, err
		}
	}
	dir, err := os.MkdirTemp("/dev/shm", "spinebench")
	return scratch{dir, false}, err
}

// medium says where the data are.
func (s scratch) medium() string {
	if s.mounted {
		return "a tmpfs mounted anew for each side of each round"
	}
	return "a fresh directory on /dev/shm (not root, so no tmpfs of its own)"
}

// close removes everything. Nothing in it may be open.
func (s scratch) close() error {
	if !s.mounted {
		return os.RemoveAll(s.dir)
	}
	if err := syscall.Unmount(s.dir, 0); err != nil {
		return errors.Join(fmt.Errorf("unmount %s: %w", s.dir, err), syscall.Unmount(s.dir, syscall.MNT_DETACH))
	}
	return os.Remove(s.dir)
}
