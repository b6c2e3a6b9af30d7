// Checkbench measures how long a damaged archive takes to be refused, beside sha256sum on
// the same file: the damage is in its last record, so all of it is checked. Nothing may
// be visible in the store then, and the refusal must name the byte. See
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/specstar-worker/worker/bench/internal/command"
)

// floor is how many times the time of sha256sum a refusal may take.
const floor = 1.5

// options are the command line.
type options struct {
	resources, rounds int
	json              bool
}

func main() {
	var o options
	flag.IntVar(&o.resources, "n", 420_000, "resources of the archive; as many as make about 1 GB")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; each measures everything once")
	flag.BoolVar(&o.json, "json", false, "print one JSON document instead of the table")
	command.Main("checkbench", func(ctx context.Context) error { return measure(ctx, o) })
}

func measure(ctx context.Context, o options) (err error) {
	if o.resources < 1 || o.rounds < 1 {
		return errors.New("-n and -rounds must be at least 1")
	}
	dir, err := os.MkdirTemp("", "checkbench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := newBench(ctx, dir, o.resources)
	if err != nil {
		return err
	}
	r := report{Bytes: b.size, Offset: b.offset, Floor: floor}
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		if err := b.round(ctx, &r); err != nil {
			return err
		}
	}
	if o.json {
		return command.WriteJSON(os.Stdout, r)
	}
	return r.write(os.Stdout)
}
