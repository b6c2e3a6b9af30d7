package storagetest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage/check"
)

// placeVariable makes the process of a test write to the store at that place
// until it is killed.
const placeVariable = "SPECSTAR_STORAGETEST_PLACE"

// writer returns how the test t is started again as a process that writes.
func writer(t *testing.T) func(place string) *exec.Cmd {
	names := strings.Split(t.Name(), "/")
	for i, name := range names {
		names[i] = "^" + regexp.QuoteMeta(name) + "$"
	}
	return func(place string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", strings.Join(names, "/"))
		cmd.Env = append(os.Environ(), placeVariable+"="+place)
		return cmd
	}
}

// writeUntilKilled does not return in a process that was started by writer.
func (h Harness) writeUntilKilled(t *testing.T) {
	t.Helper()
	if place := os.Getenv(placeVariable); place != "" {
		t.Fatal(check.WriteUntilKilled(t.Context(), h.Open, place, os.Stdout))
	}
}
