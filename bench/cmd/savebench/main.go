// Savebench measures what a bulk save into the embedded store costs beside the
// rows themselves: Manager.SaveMany, from operations with JSON text to committed
// rows, against bare multi-row INSERT statements of the same rows into the same
// tables in the same run. It then prints time and allocations of each operation
// of the manager. See docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"runtime/debug"

	"github.com/specstar-worker/worker/bench/internal/command"
)

// options are the command line.
type options struct {
	resources, rounds int
	operations        bool
	command.Options
}

func main() {
	var o options
	flag.IntVar(&o.resources, "n", 20_000, "resources saved in each round")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; each measures both sides once")
	flag.BoolVar(&o.operations, "operations", true, "also measure each operation by itself")
	o.Register("of SaveMany")
	command.Main("savebench", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) error {
	if o.rounds < 1 || o.resources < 1 {
		return errors.New("-n and -rounds must be at least 1")
	}
	debug.SetGCPercent(o.GCPercent)
	var r report
	var err error
	if r.SaveMany, err = compare(ctx, o); err != nil {
		return err
	}
	if o.operations {
		if r.Operations, err = measureOperations(ctx); err != nil {
			return err
		}
	}
	if o.JSON {
		return command.WriteJSON(os.Stdout, r)
	}
	return r.write(os.Stdout)
}
