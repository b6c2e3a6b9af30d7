// Command worker takes heavy writes of versioned resources from a queue and does
// them in bulk, and is the tool to submit, watch and inspect them. `worker help`
// lists its commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	_ "github.com/specstar-worker/worker/internal/gctune" // before what the other packages allocate
)

func main() {
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
