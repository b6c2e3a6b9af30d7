package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/manager"
)

// Floors.
const (
	floorLoad     = 0.5  // × COPY, with overwrite
	floorPlanning = 0.10 // of the load
)

// row is the outcome of one side.
type row struct {
	Side      string    `json:"side"`
	Seconds   float64   `json:"seconds"`
	PerSecond float64   `json:"resources_per_second"`
	Ratio     float64   `json:"ratio_to_copy"` // median of the rounds'
	Ratios    []float64 `json:"ratios,omitempty"`
	Planning  float64   `json:"planning,omitzero"`   // share of the time
	Publish   float64   `json:"publishing,omitzero"` // share of the time
	Floor     float64   `json:"floor,omitzero"`
	seconds   []float64
	shares    [2][]float64
}

type report struct {
	Resources int   `json:"resources"`
	Workers   int   `json:"workers"`
	Rows      []row `json:"rows"`
}

// measureRounds measures each side once in each round.
func (b *bench) measureRounds(ctx context.Context) (report, error) {
	copies := row{Side: "binary COPY of the rows (the limit)"}
	loads := []row{{Side: "load, overwrite", Floor: floorLoad}, {Side: "load, raise_error"}}
	for round := range b.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, b.rounds)
		for i, on := range []manager.OnDuplicate{manager.Overwrite, manager.RaiseError} {
			l, err := b.measureLoad(ctx, on)
			if err != nil {
				return report{}, fmt.Errorf("%s: %w", loads[i].Side, err)
			}
			loads[i].seconds = append(loads[i].seconds, l.whole)
			loads[i].shares[0] = append(loads[i].shares[0], l.planning/l.whole)
			loads[i].shares[1] = append(loads[i].shares[1], l.publishing/l.whole)
		}
		took, err := b.measureCopy(ctx)
		if err != nil {
			return report{}, fmt.Errorf("%s: %w", copies.Side, err)
		}
		copies.seconds = append(copies.seconds, took)
	}
	r := report{Resources: b.resources, Workers: b.workers}
	for _, x := range append([]row{copies}, loads...) {
		for i, s := range x.seconds {
			x.Ratios = append(x.Ratios, copies.seconds[i]/s)
		}
		x.Seconds, x.Ratio = command.Median(x.seconds), command.Median(x.Ratios)
		x.PerSecond = float64(b.resources) / x.Seconds
		x.Planning, x.Publish = command.Median(x.shares[0]), command.Median(x.shares[1])
		r.Rows = append(r.Rows, x)
	}
	return r, nil
}

// measureLoad loads the archive into an empty store. The first load tells the rows that
// COPY writes.
func (b *bench) measureLoad(ctx context.Context, on manager.OnDuplicate) (l loaded, err error) {
	f, err := b.startFleet(ctx, b.workers)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	if l, err = f.load(ctx, b, on); err != nil {
		return l, err
	}
	if b.copies == nil {
		b.copies, err = readRows(ctx, f.dsn)
	}
	return l, err
}

func (b *bench) measureCopy(ctx context.Context) (seconds float64, err error) {
	f, err := b.startFleet(ctx, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	if err := pgserver.Checkpoint(ctx, f.dsn); err != nil {
		return 0, err
	}
	begin := time.Now()
	err = writeRows(ctx, f.dsn, b.copies)
	return time.Since(begin).Seconds(), err
}

// write writes a Markdown table.
func (r report) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs, %d resources, %d workers.\n\n", runtime.Version(), runtime.NumCPU(), r.Resources, r.Workers)
	b.WriteString("| side | s | resources/s | ÷ COPY | rounds | planning | publishing |\n|---|---:|---:|---:|---|---:|---:|\n")
	for _, x := range r.Rows {
		var rounds []string
		for _, v := range x.Ratios {
			rounds = append(rounds, fmt.Sprintf("%.2f", v))
		}
		fmt.Fprintf(&b, "| %s | %.2f | %.0f | **%.2f**%s | %s | %.0f %% | %.0f %% |\n", x.Side, x.Seconds, x.PerSecond, x.Ratio,
			x.verdict(), strings.Join(rounds, " "), x.Planning*100, x.Publish*100)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (x row) verdict() string {
	switch {
	case x.Floor == 0:
		return ""
	case x.Ratio < x.Floor:
		return fmt.Sprintf(" (%.2f not reached)", x.Floor)
	case x.Planning > floorPlanning:
		return fmt.Sprintf(" (%.2f reached; planning above %.0f %%)", x.Floor, floorPlanning*100)
	}
	return fmt.Sprintf(" (%.2f reached)", x.Floor)
}
