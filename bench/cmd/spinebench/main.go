// Spinebench measures archive read and write, and load into and dump from the
// embedded store, next to the Python original in the same run on the same data.
//
// Both sides work on fresh in-memory file systems, one after the other, in
// rounds; what counts is the median of the rounds' ratios. See
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/specstar-worker/worker/bench/internal/command"
)

// options are the command line.
type options struct {
	resources int
	rounds    int
	alone     bool
	command.Options
	top int
}

func main() {
	var o options
	flag.IntVar(&o.resources, "n", 20_000, "resources in the archive, one revision each")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; each measures both sides once")
	flag.BoolVar(&o.alone, "alone", false, "measure our side only, for work on it")
	o.Register("of our side")
	flag.IntVar(&o.top, "top", 0, "print this many top entries of our profile for load, dump, read and write")
	command.Main("spinebench", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) (err error) {
	if o.rounds < 1 || o.resources < 1 {
		return errors.New("-n and -rounds must be at least 1")
	}
	// What is live is small beside what passes through: with Go's default the
	// heap's goal is a few megabytes, and collecting takes half of the time.
	debug.SetGCPercent(o.GCPercent)
	b, err := newBench(o.resources)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()

	profile, stop, err := startProfile(o)
	if err != nil {
		return err
	}
	b.alone = o.alone
	results := newResults(b, o.GCPercent)
	for i := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, o.rounds)
		if err := b.round(ctx, i, results); err != nil {
			return errors.Join(fmt.Errorf("round %d: %w", i+1, err), stop())
		}
	}
	if err := stop(); err != nil {
		return err
	}
	if o.JSON {
		if err := results.writeJSON(os.Stdout); err != nil {
			return err
		}
	} else if err := results.writeTable(os.Stdout); err != nil {
		return err
	}
	return printTop(ctx, os.Stdout, profile, o)
}

// startProfile starts the CPU profile of this process when it is asked for and
// returns its file; stop ends it.
func startProfile(o options) (path string, stop func() error, err error) {
	if o.CPUProfile == "" && o.top == 0 {
		return "", func() error { return nil }, nil
	}
	path = o.CPUProfile
	if path == "" {
		f, err := os.CreateTemp("", "spinebench-*.pprof")
		if err != nil {
			return "", nil, err
		}
		path = f.Name()
		if err := f.Close(); err != nil {
			return "", nil, err
		}
	}
	stop, err = command.Profile(path)
	return path, stop, err
}
