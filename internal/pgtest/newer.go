package pgtest

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/internal/cachedir"
)

// Newer returns the directory with initdb and postgres of a newer PostgreSQL than
// the machine's, for [Options.Bin]. A missing one fails the test.
func Newer(t testing.TB) string {
	t.Helper()
	bin, err := findNewer()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func findNewer() (string, error) {
	bin, err := cachedir.Here("postgres18", "bin")
	if err != nil {
		return "", err
	}
	if !complete(bin) {
		return "", fmt.Errorf("there is no PostgreSQL in %s: run `make services-long` (`make test-long` does it first)", filepath.Dir(bin))
	}
	return bin, nil
}
