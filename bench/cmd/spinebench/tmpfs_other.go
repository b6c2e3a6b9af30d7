//go:build !linux

package main

import "os"

// scratch is a fresh directory; this system has no tmpfs to mount.
type scratch struct{ dir string }

func newScratch() (scratch, error) {
	dir, err := os.MkdirTemp("", "spinebench")
	return scratch{dir}, err
}

// medium says where the data are.
func (s scratch) medium() string {
	return "a fresh directory on the disk of temporary files (the original's figures depend on its age)"
}

func (s scratch) close() error { return os.RemoveAll(s.dir) }
