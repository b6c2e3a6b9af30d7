// Package shmdir gives tests directories in memory, and on a disk where all others are in
// memory.
package shmdir

import (
	"os"
	"testing"
)

// New returns a temporary directory that is in memory where there is such a place: tests
// that sync thousands of files take long elsewhere, and none sees the machine die.
func New(t testing.TB) string {
	t.Helper()
	return newIn(t, "/dev/shm")
}

// OnDisk returns a temporary directory that is on a disk, where there is a place for that,
// when all others are in memory. A unit of work over PostgreSQL and files may be killed
// between its files and its commit, which burns numbers
// (docs/adr/0013-postgres-unit-of-work.md). The check that kills writers does not allow for
// that; on a disk its moments are earlier.
func OnDisk(t testing.TB) string {
	t.Helper()
	return newIn(t, "/var/tmp")
}

// newIn makes a temporary directory in another one, or where temporary directories are.
func newIn(t testing.TB, parent string) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "specstar-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
