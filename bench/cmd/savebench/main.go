// Savebench measures what a bulk save into the embedded store costs beside the
// rows themselves: Manager.SaveMany, from operations with JSON text to committed
// rows, against bare multi-row INSERT statements of the same rows into the same
// tables in the same run. It then prints time and allocations of each operation
// of the manager. See docs/performance.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
)

// options are the command line.
type options struct {
	resources, rounds int
	operations        bool
	json              bool
	gcPercent         int
	cpuProfile        string
}

func main() {
	var o options
	flag.IntVar(&o.resources, "n", 20_000, "resources saved in each round")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; each measures both sides once")
	flag.BoolVar(&o.operations, "operations", true, "also measure each operation by itself")
	flag.BoolVar(&o.json, "json", false, "print one JSON document instead of the tables")
	flag.IntVar(&o.gcPercent, "gogc", 400, "garbage collection target, as GOGC; the worker's own is 400")
	flag.StringVar(&o.cpuProfile, "cpuprofile", "", "keep the CPU profile of SaveMany in this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "savebench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.rounds < 1 || o.resources < 1 {
		return errors.New("-n and -rounds must be at least 1")
	}
	debug.SetGCPercent(o.gcPercent)
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
	if o.json {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return r.write(os.Stdout)
}
