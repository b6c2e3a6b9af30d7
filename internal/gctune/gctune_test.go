package gctune_test

import (
	"os"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/specstar-worker/worker/internal/gctune"
)

// TestTheTargetIsSetByTheImport unless GOGC says what it is.
func TestTheTargetIsSetByTheImport(t *testing.T) {
	want := gctune.Percent
	switch said := os.Getenv("GOGC"); said {
	case "":
	case "off":
		want = -1
	default:
		var err error
		if want, err = strconv.Atoi(said); err != nil {
			t.Fatal(err)
		}
	}
	have := debug.SetGCPercent(want)
	if have != want {
		t.Errorf("the target was %d, want %d", have, want)
	}
}
