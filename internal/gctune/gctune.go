// Package gctune sets the garbage collector's target when it is imported. The programs
// that need it import it for that alone: it depends on next to nothing, so it comes
// before the packages whose initialisation fills a heap that is collected at once
// otherwise.
package gctune

import (
	"os"
	"runtime/debug"
)

// Percent is the collector's target unless GOGC says otherwise. What is live is small
// beside what passes through: with Go's default of 100 the heap's goal is a few
// megabytes, and collecting takes much of the time.
const Percent = 400

func init() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(Percent)
	}
}
