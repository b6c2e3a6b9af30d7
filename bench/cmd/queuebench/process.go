package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/specstar-worker/worker/bench/internal/command"
)

// What the process of a side is asked for.
const (
	orderPrepare = "prepare" // make what is written
	orderTake    = "measure"
	orderPace    = "pace"
)

// order is a line to the process of a side.
type order struct {
	What string `json:"what"`
	DSN  string `json:"dsn"` // of a fresh database
}

// answer is the line that follows from it.
type answer struct {
	Wall      float64   `json:"wall,omitempty"` // seconds for one resource, as the next two
	Client    float64   `json:"client,omitempty"`
	Server    float64   `json:"server,omitempty"`
	Latencies []float64 `json:"latencies,omitempty"` // seconds
	Err       string    `json:"err,omitempty"`
}

// process is the process of a side.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	orders *json.Encoder
	out    *json.Decoder
}

// startProcess starts the process of a side with the same options.
func startProcess(ctx context.Context, o options, name string, server int) (*process, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := append(os.Args[1:len(os.Args):len(os.Args)], "-alone", name, "-server", strconv.Itoa(server))
	if o.CPUProfile != "" {
		args = append(args, "-cpuprofile", o.CPUProfile+"."+strings.Map(fileRune, name))
	}
	p := &process{cmd: exec.CommandContext(ctx, path, args...)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.orders, p.out = json.NewEncoder(p.in), json.NewDecoder(out)
	return p, p.cmd.Start()
}

// fileRune is a character of a side's name in that of a file.
func fileRune(r rune) rune {
	switch r {
	case ' ':
		return '-'
	case ',':
		return -1
	}
	return r
}

// do has an order carried out.
func (p *process) do(o order) (a answer, err error) {
	if err := p.orders.Encode(o); err != nil {
		return a, err
	}
	if err := p.out.Decode(&a); err != nil {
		return a, fmt.Errorf("the process has ended: %w", err)
	}
	if a.Err != "" {
		return a, errors.New(a.Err)
	}
	return a, nil
}

func (p *process) stop() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

// serve is the process of a side: it carries out orders until there are no more.
func serve(ctx context.Context, o options) (err error) {
	b, err := newAlone(o)
	if err != nil {
		return err
	}
	stop, err := command.Profile(o.CPUProfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	orders, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var next order
		if err := orders.Decode(&next); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		a, err := b.carryOut(ctx, next)
		if err != nil {
			a.Err = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

func (b *alone) carryOut(ctx context.Context, o order) (a answer, err error) {
	switch o.What {
	case orderPrepare:
		b.work, err = b.makeWork(ctx, o.DSN)
		return a, err
	case orderTake:
		return b.measure(ctx, o.DSN)
	case orderPace:
		return b.latencies(ctx, o.DSN)
	}
	return a, fmt.Errorf("unknown order %q", o.What)
}
