// Scalebench runs "worker bench scale" before a private PostgreSQL with the durability of
// a real one. See docs/scaling.md.
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
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

func main() {
	command.Main("scalebench", measure)
}

// measure builds the worker and passes its arguments on.
func measure(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "scalebench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	worker := filepath.Join(dir, "worker")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", worker, "./cmd/worker")
	build.Dir, build.Stderr = "..", os.Stderr // the worker's own module, as make runs in bench
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the worker: %w", err)
	}
	server, err := pgserver.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	dsn, drop, err := server.Database(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	run := exec.CommandContext(ctx, worker, append([]string{"bench", "scale", "--store", dsn}, flag.Args()...)...)
	run.Stdout, run.Stderr = os.Stdout, os.Stderr
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	return run.Run()
}
