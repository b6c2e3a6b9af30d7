package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/internal/pypeer"
)

// run is one command of one side on a database of its own.
type run struct {
	in       inputs
	dsn, dir string
	drop     func() error
}

// prepare makes the database that a command works on: an empty one, or one that the
// archive, or that with bare metas, was loaded into.
func prepare(ctx context.Context, s *server, c contest, in inputs, theirs bool) (*run, error) {
	full, bare := in.archive, in.bare
	if theirs {
		full, bare = in.few, in.fewBare
	}
	dir, err := os.MkdirTemp(in.dir, "run")
	if err != nil {
		return nil, err
	}
	r := &run{in: in, dir: dir}
	if r.dsn, r.drop, err = s.Database(ctx); err != nil {
		return nil, err
	}
	switch c.name {
	case "dump":
		err = r.worker(ctx, "load", full)
	case "backfill":
		err = r.worker(ctx, "load", bare, "--rules", "off")
	}
	if err == nil {
		err = pgserver.Checkpoint(ctx, r.dsn)
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *run) close() error { return errors.Join(r.drop(), os.RemoveAll(r.dir)) }

// worker runs the worker to its end.
func (r *run) worker(ctx context.Context, args ...string) error {
	args = append(args, "--store", r.dsn, "--data", filepath.Join(r.dir, "data"), "-o", "json")
	cmd := exec.CommandContext(ctx, r.in.worker, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("worker %s: %w: %s", args[0], err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

func (p *pace) takeOurs(ctx context.Context, s *server, c contest, in inputs) (err error) {
	r, err := prepare(ctx, s, c, in, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	begin := time.Now()
	if err := c.ours(ctx, r); err != nil {
		return err
	}
	p.ours = append(p.ours, time.Since(begin).Seconds()/float64(in.resourcesOf(c)))
	return nil
}

// takeTheirs measures the original inside its process, whose start does not count.
func takeTheirs(ctx context.Context, s *server, c contest, in inputs, keep bool, to *[]float64) (err error) {
	r, err := prepare(ctx, s, c, in, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	p, err := pypeer.Open(ctx)
	if err != nil {
		return err
	}
	t, err := c.theirs(r, p, keep)
	err = errors.Join(err, p.Close())
	if err != nil {
		return err
	}
	want := in.theirsOf(c, keep)
	if t.Resources != want {
		return fmt.Errorf("the original did %d of %d resources", t.Resources, want)
	}
	*to = append(*to, t.Wall.Seconds()/float64(want))
	return nil
}
