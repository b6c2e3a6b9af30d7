// Copybench measures units of work on PostgreSQL beside the limit: binary COPY of
// the same rows into the same tables, with the same connections, in the same run.
// With -original it also measures whole commands beside the Python original on the
// same server. See docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"os"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
	_ "github.com/specstar-worker/worker/internal/gctune" // as the program has it
)

// options are the command line.
type options struct {
	resources, rounds     int
	unitRounds            int
	batch, connections    int
	original, limit, json bool
	startUp, split        bool
	loaded, saves         int
	cpuProfile, paths     string
	commands              string
}

func main() {
	var o options
	flag.IntVar(&o.resources, "n", 20_000, "resources written in each round")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of starts and of commands beside the original")
	flag.IntVar(&o.unitRounds, "unit-rounds", 61, "rounds beside COPY, of some seconds; single ones lie far apart")
	flag.IntVar(&o.batch, "batch", 1000, "resources of one transaction")
	flag.IntVar(&o.connections, "connections", 2, "transactions at the same time")
	flag.BoolVar(&o.limit, "limit", true, "measure units of work beside COPY")
	flag.BoolVar(&o.split, "split", true, "tell the client's CPU by step, from a profile of each path; not with -cpuprofile")
	flag.BoolVar(&o.startUp, "startup", true, "measure loads of one resource, whole processes")
	flag.StringVar(&o.paths, "paths", "", "measure beside COPY only units of work whose names hold this `text`")
	flag.StringVar(&o.commands, "commands", "", "measure beside the original only commands whose names hold this `text`")
	flag.BoolVar(&o.original, "original", true, "measure commands beside the Python original")
	flag.IntVar(&o.loaded, "loaded", 7000, "resources of the archive for the original")
	flag.IntVar(&o.saves, "saves", 20_000, "saves of each of our processes beside the original")
	flag.BoolVar(&o.json, "json", false, "print one JSON document instead of the tables")
	flag.StringVar(&o.cpuProfile, "cpuprofile", "", "keep the CPU profile of the units of work in this file")
	command.Main("copybench", func(ctx context.Context) error { return measure(ctx, o) })
}

func measure(ctx context.Context, o options) (err error) {
	o.split = o.split && o.cpuProfile == "" // there is one profile at a time
	if min(o.rounds, o.unitRounds, o.resources, o.batch, o.connections, o.saves) < 1 {
		return errors.New("-n, -rounds, -unit-rounds, -batch, -connections and -saves must be at least 1")
	}
	private, err := pgserver.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, private.Stop()) }()
	s := &server{private}
	stop, err := command.Profile(o.cpuProfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var r report
	if o.limit {
		if r.Limit, err = compareWithCopy(ctx, s, o); err != nil {
			return err
		}
	}
	if err := measureCommands(ctx, s, o, &r); err != nil {
		return err
	}
	if o.json {
		return command.WriteJSON(os.Stdout, r)
	}
	return r.write(os.Stdout)
}

// measureCommands measures whole processes of the worker.
func measureCommands(ctx context.Context, s *server, o options, r *report) (err error) {
	if !o.original && !o.startUp {
		return nil
	}
	in, err := makeInputs(ctx, o.loaded, o.saves)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(in.dir)) }()
	if o.startUp {
		if r.StartUp, err = measureStartUp(ctx, s, in, o); err != nil {
			return err
		}
	}
	if o.original {
		r.Original, err = compareWithOriginal(ctx, s, in, o)
	}
	return err
}
