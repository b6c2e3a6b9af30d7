// Command worker takes heavy writes of versioned resources from a queue and does
// them in bulk, and is the tool to submit, watch and inspect them. `worker help`
// lists its commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
)

// gcPercent is the garbage collector's target unless GOGC says otherwise. What
// is live is small beside what passes through: with Go's default of 100 the
// heap's goal is a few megabytes, and collecting takes much of the time.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// program is how the user calls this program: commands that are shown are to be
// copied. A program under another name is a test.
func program() string {
	if filepath.Base(os.Args[0]) == "worker" {
		return os.Args[0]
	}
	return "worker"
}
