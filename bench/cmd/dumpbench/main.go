// Dumpbench measures whole dumps, as processes, of stores of several sizes on SQLite
// and PostgreSQL: by one processor and by all of them, and, with -before, by another
// build of the worker. All of them must write the same bytes. See docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// options are the command line.
type options struct {
	sizes  string
	rounds int
	before string
	json   bool
}

func main() {
	var o options
	flag.StringVar(&o.sizes, "n", "1000,100000", "resources of the stores, separated by commas")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; each dumps every store once by every build")
	flag.StringVar(&o.before, "before", "", "a `worker` of another version, to be measured beside this one")
	flag.BoolVar(&o.json, "json", false, "print one JSON document instead of the table")
	command.Main("dumpbench", func(ctx context.Context) error { return measure(ctx, o) })
}

// sizesOf reads the sizes of the stores.
func (o options) sizesOf() ([]int, error) {
	var sizes []int
	for text := range strings.SplitSeq(o.sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-n: %q is no number of resources", text)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

func measure(ctx context.Context, o options) (err error) {
	sizes, err := o.sizesOf()
	if err != nil {
		return err
	}
	if o.rounds < 1 {
		return errors.New("-rounds must be at least 1")
	}
	dir, err := os.MkdirTemp("", "dumpbench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := pgserver.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	b, err := newBench(ctx, dir, server, o)
	if err != nil {
		return err
	}
	var r report
	for _, n := range sizes {
		rows, err := b.size(ctx, n)
		if err != nil {
			return err
		}
		r.Rows = append(r.Rows, rows...)
	}
	if o.json {
		return command.WriteJSON(os.Stdout, r)
	}
	return r.write(os.Stdout)
}
