// S3bench measures how fast revisions are put into a bucket through storage/s3,
// each three objects, beside a bare loop over the AWS SDK that puts the same objects
// with as many requests at a time into the same server in the same run. See
// docs/performance.md.
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
	"time"
)

// options are the command line.
type options struct {
	revisions, batch, rounds int
	parallel                 int
	latency                  time.Duration
	json                     bool
	gcPercent                int
	cpuProfile               string
}

func main() {
	var o options
	flag.IntVar(&o.revisions, "n", 3000, "revisions put in each round")
	flag.IntVar(&o.batch, "batch", 1000, "revisions of one call")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; each measures both sides once with each server")
	flag.IntVar(&o.parallel, "parallel", 32, "requests at the same time, on both sides")
	flag.DurationVar(&o.latency, "latency", 2*time.Millisecond, "what the slower server waits before each answer")
	flag.BoolVar(&o.json, "json", false, "print one JSON document instead of the table")
	flag.IntVar(&o.gcPercent, "gogc", 400, "garbage collection target, as GOGC; the worker's own is 400")
	flag.StringVar(&o.cpuProfile, "cpuprofile", "", "keep the CPU profile in this file; samples are labelled with their side")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "s3bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.revisions < 1 || o.batch < 1 || o.rounds < 1 || o.parallel < 1 {
		return errors.New("-n, -batch, -rounds and -parallel must be at least 1")
	}
	debug.SetGCPercent(o.gcPercent)
	stop, err := profile(o.cpuProfile)
	if err != nil {
		return err
	}
	rows, err := compare(ctx, o)
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	if o.json {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	return write(os.Stdout, rows, o)
}
