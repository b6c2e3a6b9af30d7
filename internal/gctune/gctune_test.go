package gctune_test

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/specstar-worker/worker/internal/gctune"
)

func TestTheTargetIsSetByTheImport(t *testing.T) {
	if os.Getenv("GOGC") != "" {
		t.Skip("GOGC is set")
	}
	have := debug.SetGCPercent(gctune.Percent)
	if have != gctune.Percent {
		t.Errorf("the target was %d, want %d", have, gctune.Percent)
	}
}
