// Querybench measures searches over many metas on PostgreSQL beside statements written
// by hand with the best index, and lists of resources with their payloads beside the
// Python original on the same server. See docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"runtime/debug"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// options are the command line.
type options struct {
	metas, rounds, connections int
	budget                     time.Duration
	listed                     int
	original                   bool
	cases                      string
	command.Options
}

func main() {
	var o options
	flag.IntVar(&o.metas, "n", 1_000_000, "metas that are searched")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; each measures both sides of every search")
	flag.IntVar(&o.connections, "connections", 2, "transactions at the same time that write the metas")
	flag.DurationVar(&o.budget, "budget", 100*time.Millisecond, "how long a side repeats a search in a round; once at least")
	flag.IntVar(&o.listed, "listed", 10_000, "resources of the store that lists are of")
	flag.BoolVar(&o.original, "original", true, "measure lists beside the Python original")
	flag.StringVar(&o.cases, "cases", "", "measure only searches whose names hold this `text`")
	o.Register("of all sides")
	command.Main("querybench", func(ctx context.Context) error { return measure(ctx, o) })
}

func measure(ctx context.Context, o options) (err error) {
	if min(o.metas, o.rounds, o.connections, o.listed) < 1 {
		return errors.New("-n, -rounds, -connections and -listed must be at least 1")
	}
	debug.SetGCPercent(o.GCPercent)
	s, err := pgserver.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	stop, err := command.Profile(o.CPUProfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var r report
	if err := measureSearches(ctx, s, o, &r); err != nil {
		return err
	}
	if o.original {
		if r.Lists, err = compareLists(ctx, s, o); err != nil {
			return err
		}
	}
	if o.JSON {
		return command.WriteJSON(os.Stdout, r)
	}
	return r.write(os.Stdout)
}
