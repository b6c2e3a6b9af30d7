//go:build !linux

// Package scratch gives benchmarks a fresh place for their data, in memory where
// the system allows it.
package scratch

import "os"

// Scratch is a fresh directory; this system has no tmpfs to mount.
type Scratch struct {
	// Dir is where data may be put.
	Dir string
}

// New makes a directory among the temporary files.
func New() (Scratch, error) {
	dir, err := os.MkdirTemp("", "bench")
	return Scratch{dir}, err
}

// Medium says where the data are.
func (s Scratch) Medium() string {
	return "a fresh directory on the disk of temporary files (figures depend on its age)"
}

// Close removes everything.
func (s Scratch) Close() error { return os.RemoveAll(s.Dir) }
