package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/specstar-worker/worker/bench/internal/cputime"
	"github.com/specstar-worker/worker/bench/internal/scratch"
	"github.com/specstar-worker/worker/internal/pypeer"
)

// operation is one thing that both sides do. Operations run in order on one
// store: dump dumps what load loaded.
type operation struct {
	name   string
	input  input   // what it reads; load decides for dump
	passes int     // how often the operation is repeated within one measurement
	floor  float64 // the ratio that must be reached, 0 for none
	aim    float64 // the ratio that would be nice
	ours   func(o *ours, ctx context.Context) error
	theirs func(p *pypeer.Peer, path, dir string) (pypeer.Timing, error)
}

// fast is how often an operation of a tenth of a second is repeated, so that a
// hiccup of the machine does not decide.
const fast = 5

var operations = []operation{
	{
		name: "read api", input: goAPI, passes: fast, ours: (*ours).read,
		theirs: func(p *pypeer.Peer, path, _ string) (pypeer.Timing, error) { return p.TimeRead(path, fast) },
	},
	{
		name: "read", passes: fast, floor: 3, aim: 6, ours: (*ours).read,
		theirs: func(p *pypeer.Peer, path, _ string) (pypeer.Timing, error) { return p.TimeRead(path, fast) },
	},
	{
		name: "write", passes: fast, ours: (*ours).write,
		theirs: func(p *pypeer.Peer, path, dir string) (pypeer.Timing, error) {
			return p.TimeWrite(path, filepath.Join(dir, "written.acbak"), fast)
		},
	},
	{
		name: "load", passes: 1, floor: 4, aim: 6, ours: (*ours).load,
		theirs: func(p *pypeer.Peer, path, dir string) (pypeer.Timing, error) { return p.TimeLoad(dir, path) },
	},
	{
		name: "dump", passes: 1, floor: 8, aim: 20, ours: (*ours).dump,
		theirs: func(p *pypeer.Peer, _, dir string) (pypeer.Timing, error) {
			return p.TimeDump(dir, filepath.Join(dir, "dumped.acbak"))
		},
	},
}

// bench is what all rounds share.
type bench struct {
	scratch scratch.Scratch
	inputs  map[input]archiveFile
	alone   bool // without the original
}

func newBench(resources int) (*bench, error) {
	s, err := scratch.New()
	if err != nil {
		return nil, fmt.Errorf("make the input: %w", err)
	}
	inputs, err := makeInputs(s.Dir, resources)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the input: %w", err), s.Close())
	}
	return &bench{scratch: s, inputs: inputs}, nil
}

func (b *bench) close() error { return b.scratch.Close() }

// round measures both sides once. The side that begins alternates.
func (b *bench) round(ctx context.Context, i int, r *results) error {
	if b.alone {
		return b.measureOurs(ctx, r)
	}
	sides := []func(context.Context, *results) error{b.measureTheirs, b.measureOurs}
	if i%2 == 1 {
		sides[0], sides[1] = sides[1], sides[0]
	}
	for _, side := range sides {
		if err := side(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// measureTheirs runs the original, in a process of its own.
func (b *bench) measureTheirs(ctx context.Context, r *results) (err error) {
	s, err := scratch.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	p, err := pypeer.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	for _, op := range operations {
		in := b.inputs[op.input]
		t, err := op.theirs(p, in.path, s.Dir)
		if err != nil {
			return err
		}
		if t.Resources != in.resources {
			return fmt.Errorf("the original's %s did %d of %d resources", op.name, t.Resources, in.resources)
		}
		r.theirs[op.name] = append(r.theirs[op.name], timing{t.Wall, t.CPU})
	}
	return nil
}

// measureOurs runs our side, in this process.
func (b *bench) measureOurs(ctx context.Context, r *results) (err error) {
	s, err := scratch.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	o, err := newOurs(ctx, s.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	for _, op := range operations {
		in := b.inputs[op.input]
		o.input = in.path
		if op.name == "write" {
			if err := o.hold(); err != nil {
				return err
			}
		}
		t, err := measure(ctx, op, o)
		if err != nil {
			return fmt.Errorf("our %s: %w", op.name, err)
		}
		if o.resources != in.resources {
			return fmt.Errorf("our %s did %d of %d resources", op.name, o.resources, in.resources)
		}
		r.ours[op.name] = append(r.ours[op.name], t)
		o.held = nil
	}
	return nil
}

// measure runs one operation of ours and returns what one pass took.
func measure(ctx context.Context, op operation, o *ours) (_ timing, err error) {
	runtime.GC()
	cpu := cputime.Now()
	begin := time.Now()
	pprof.Do(ctx, pprof.Labels("op", op.name), func(ctx context.Context) {
		for range op.passes {
			if err = op.ours(o, ctx); err != nil {
				return
			}
		}
	})
	n := time.Duration(op.passes)
	return timing{time.Since(begin) / n, (cputime.Now() - cpu) / n}, err
}
