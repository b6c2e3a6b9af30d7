// S3bench measures how fast revisions are put into a bucket through storage/s3,
// each three objects, beside a bare loop over the AWS SDK that puts the same objects
// with as many requests at a time into the same server in the same run. See
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"runtime/debug"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
)

// options are the command line.
type options struct {
	revisions, batch, rounds int
	parallel                 int
	latency                  time.Duration
	command.Options
}

func main() {
	var o options
	flag.IntVar(&o.revisions, "n", 3000, "revisions put in each round")
	flag.IntVar(&o.batch, "batch", 1000, "revisions of one call")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; each measures both sides once with each server")
	flag.IntVar(&o.parallel, "parallel", 32, "requests at the same time, on both sides")
	flag.DurationVar(&o.latency, "latency", 2*time.Millisecond, "what the slower server waits before each answer")
	o.Register("of both sides, labelled,")
	command.Main("s3bench", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) error {
	if o.revisions < 1 || o.batch < 1 || o.rounds < 1 || o.parallel < 1 {
		return errors.New("-n, -batch, -rounds and -parallel must be at least 1")
	}
	debug.SetGCPercent(o.GCPercent)
	stop, err := command.Profile(o.CPUProfile)
	if err != nil {
		return err
	}
	rows, err := compare(ctx, o)
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	if o.JSON {
		return command.WriteJSON(os.Stdout, rows)
	}
	return write(os.Stdout, rows, o)
}
