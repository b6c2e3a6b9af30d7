// Package scratch gives benchmarks a fresh place for their data, in memory where
// the system allows it.
package scratch

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Scratch is a fresh in-memory file system, or a fresh directory on one.
type Scratch struct {
	// Dir is where data may be put.
	Dir     string
	mounted bool
}

// New mounts a tmpfs when this process may, and otherwise makes a directory on
// /dev/shm.
func New() (Scratch, error) {
	if os.Geteuid() == 0 {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return Scratch{}, err
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, ""); err == nil {
			return Scratch{dir, true}, nil
		}
		if err := os.Remove(dir); err != nil {
			return Scratch{}, err
		}
	}
	dir, err := os.MkdirTemp("/dev/shm", "bench")
	return Scratch{dir, false}, err
}

// Medium says where the data are.
func (s Scratch) Medium() string {
	if s.mounted {
		return "a tmpfs mounted anew for each side of each round"
	}
	return "a fresh directory on /dev/shm (not root, so no tmpfs of its own)"
}

// Close removes everything. Nothing in it may be open.
func (s Scratch) Close() error {
	if !s.mounted {
		return os.RemoveAll(s.Dir)
	}
	if err := syscall.Unmount(s.Dir, 0); err != nil {
		return errors.Join(fmt.Errorf("unmount %s: %w", s.Dir, err), syscall.Unmount(s.Dir, syscall.MNT_DETACH))
	}
	return os.Remove(s.Dir)
}
