// Package faulttest proves what package postgres promises while many processes
// write, and while workers, the server, the network and the object store fail.
// SPECSTAR_TEST_LONG=1 makes every test longer.
package faulttest

import (
	"fmt"
	"os"
	"testing"

	"github.com/specstar-worker/worker/internal/pgtest"
)

// TestMain is also that of the workers, which are processes of this binary.
func TestMain(m *testing.M) {
	spec := os.Getenv(roleVariable)
	if spec == "" {
		pgtest.Main(m)
		return
	}
	if err := play(spec); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// long reports whether tests take their time.
func long() bool { return os.Getenv("SPECSTAR_TEST_LONG") != "" }

// either returns the first value in short tests and the second in long ones.
func either[T any](short, lasting T) T {
	if long() {
		return lasting
	}
	return short
}
