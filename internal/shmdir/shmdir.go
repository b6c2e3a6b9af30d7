// Package shmdir gives tests directories in memory.
package shmdir

import (
	"os"
	"testing"
)

// New returns a temporary directory that is in memory where there is such a place: tests
// that sync thousands of files take long elsewhere, and none sees the machine die.
func New(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "specstar-test-")
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
