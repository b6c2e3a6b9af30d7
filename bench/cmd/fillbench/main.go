// Fillbench measures a backfill of rev_* fields on PostgreSQL beside a program written by
// hand that does the same: pull a page of rows with their infos, encode the metas anew,
// push them where they are still the ones that were pulled. Both have pages of the same
// size and the same connections, on the same tables in the same run. See
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"runtime/debug"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// options are the command line.
type options struct {
	resources, rounds, page, connections int
	command.Options
}

func main() {
	var o options
	flag.IntVar(&o.resources, "n", 50_000, "rows filled in each round")
	flag.IntVar(&o.rounds, "rounds", 7, "rounds; each measures both sides once")
	flag.IntVar(&o.page, "page", 1000, "rows of a page")
	flag.IntVar(&o.connections, "connections", 4, "connections of each side")
	o.Register("of both sides, by label")
	command.Main("fillbench", func(ctx context.Context) error { return measure(ctx, o) })
}

func measure(ctx context.Context, o options) (err error) {
	if o.rounds < 1 || o.resources < 1 || o.page < 1 || o.connections < 2 {
		return errors.New("-n, -rounds and -page must be at least 1, -connections 2")
	}
	debug.SetGCPercent(o.GCPercent)
	server, err := pgserver.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	r, err := compare(ctx, server, o)
	if err != nil {
		return err
	}
	if o.JSON {
		return command.WriteJSON(os.Stdout, r)
	}
	return r.write(os.Stdout)
}
