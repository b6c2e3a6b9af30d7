// Queuebench measures saves that go through the queue, from the moment they are
// published to that in which they are committed, beside River, a job queue in
// PostgreSQL that works one job after another, and beside raw COPY of the same rows
// without a queue, all on one PostgreSQL in one run. Each side has a process of its own
// for all its rounds, as in use: none works in the heap that another one has left. See
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	_ "github.com/specstar-worker/worker/internal/gctune" // as the program has it
)

// options are the command line.
type options struct {
	resources, river, rounds int
	bulk, connections        int
	rate                     int
	paced                    time.Duration
	only                     string
	alone                    string
	serverPID                int
	command.Options
}

func main() {
	var o options
	flag.IntVar(&o.resources, "n", 24_000, "resources of each round")
	flag.IntVar(&o.river, "river", 3_000, "resources of each round of River, which takes longer for one")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; each measures every side once")
	flag.IntVar(&o.bulk, "bulk", 500, "operations of a bulk job, and rows of a transaction of COPY")
	flag.IntVar(&o.connections, "connections", 2, "transactions of COPY at the same time")
	flag.IntVar(&o.rate, "rate", 300, "jobs a second when they are paced")
	flag.DurationVar(&o.paced, "paced", 5*time.Second, "how long jobs are paced in each round, 0 for not at all")
	flag.StringVar(&o.only, "sides", "", "measure the sides whose names match this regular expression, all of them unless given")
	flag.StringVar(&o.alone, "alone", "", "be the process of this side, which queuebench starts itself")
	flag.IntVar(&o.serverPID, "server", 0, "the process of PostgreSQL, with -alone")
	o.Register("of each side, behind whose name is that of the side,")
	command.Main("queuebench", func(ctx context.Context) error {
		debug.SetGCPercent(o.GCPercent)
		if o.alone != "" {
			return serve(ctx, o)
		}
		return measure(ctx, o)
	})
}

// measure measures all sides and prints what they took.
func measure(ctx context.Context, o options) (err error) {
	if min(o.resources, o.river, o.rounds, o.bulk, o.connections, o.rate) < 1 {
		return errors.New("every number must be at least 1")
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-sides: %w", err)
	}
	b, err := startBench(ctx, o, only)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	r, err := b.run(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		return command.WriteJSON(os.Stdout, r)
	}
	return r.write(os.Stdout)
}
