// Loadbench measures a load of one archive by several worker processes on PostgreSQL
// beside binary COPY of the same rows into the same tables, in the same run. See
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/items"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// options are the command line.
type options struct {
	resources, rounds, workers int
	json                       bool
}

func main() {
	var o options
	flag.IntVar(&o.resources, "n", 200_000, "resources of the archive")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; each measures every side once")
	flag.IntVar(&o.workers, "workers", 2, "worker processes")
	flag.BoolVar(&o.json, "json", false, "print one JSON document instead of the table")
	command.Main("loadbench", func(ctx context.Context) error { return measure(ctx, o) })
}

// bench is what the rounds have in common.
type bench struct {
	options
	server       *pgserver.Server
	dir          string
	worker, file string
	copies       []copied // of the archive's rows
}

func measure(ctx context.Context, o options) (err error) {
	if o.rounds < 1 || o.resources < 1 || o.workers < 1 {
		return errors.New("-n, -rounds and -workers must be at least 1")
	}
	b := &bench{options: o}
	if b.dir, err = os.MkdirTemp("", "loadbench-*"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if b.server, err = pgserver.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.Stop()) }()
	r, err := b.measureRounds(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return command.WriteJSON(os.Stdout, r)
	}
	return r.write(os.Stdout)
}

// prepare builds the worker and writes the archive.
func (b *bench) prepare(ctx context.Context) error {
	fmt.Fprintln(os.Stderr, "building the worker and an archive")
	b.worker, b.file = filepath.Join(b.dir, "worker"), filepath.Join(b.dir, "items.acbak")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.worker, "./cmd/worker")
	build.Dir = ".." // the worker's own module, as make bench runs in bench
	build.Stderr = os.Stderr
	_, err := items.Write(b.file, b.resources)
	return errors.Join(build.Run(), err)
}
