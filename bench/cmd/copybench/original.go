package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/internal/pypeer"
)

// contest is one thing that both sides do, as whole as a user asks for it: ours is a
// process of the worker with an embedded queue, from start to end.
type contest struct {
	name          string
	shipped, kept float64 // ratios that must be reached, 0 for none
	saves         bool    // it is about saves, not about the archive
	ours          func(ctx context.Context, r *run) error
	theirs        func(r *run, p *pypeer.Peer, keep bool) (pypeer.Timing, error)
}

var commands = []contest{
	{
		name: "load", shipped: 12, kept: 12,
		ours: func(ctx context.Context, r *run) error { return r.worker(ctx, "load", r.in.archive) },
		theirs: func(r *run, p *pypeer.Peer, keep bool) (pypeer.Timing, error) {
			return p.TimePostgresLoad(r.dsn, r.in.archive, keep)
		},
	},
	{
		name: "dump", shipped: 500, kept: 100,
		ours: func(ctx context.Context, r *run) error {
			return r.worker(ctx, "dump", "--out", filepath.Join(r.dir, "out.acbak"))
		},
		theirs: func(r *run, p *pypeer.Peer, keep bool) (pypeer.Timing, error) {
			return p.TimePostgresDump(r.dsn, filepath.Join(r.dir, "theirs.acbak"), keep)
		},
	},
	{
		name: "backfill", kept: 25,
		ours: func(ctx context.Context, r *run) error { return r.worker(ctx, "backfill", model) },
		theirs: func(r *run, p *pypeer.Peer, keep bool) (pypeer.Timing, error) {
			return p.TimePostgresBackfill(r.dsn, keep)
		},
	},
	{name: "saves, a job each", shipped: 20, kept: 20, ours: saveLines("1"), theirs: saveOneByOne, saves: true},
	{name: "saves, packed into jobs", shipped: 20, kept: 20, ours: saveLines("500"), theirs: saveOneByOne, saves: true},
}

// saveLines saves lines, so many in a job at most.
func saveLines(batch string) func(context.Context, *run) error {
	return func(ctx context.Context, r *run) error {
		return r.worker(ctx, "save", model, "--from", r.in.saves, "--batch", batch)
	}
}

func saveOneByOne(r *run, p *pypeer.Peer, keep bool) (pypeer.Timing, error) {
	return p.TimePostgresSaves(r.dsn, theirSaves(keep), keep)
}

// originalRow is the outcome of one command: resources a second, and ratios of the
// time that one resource takes, medians of the rounds'.
type originalRow struct {
	Command       string    `json:"command"`
	Ours          float64   `json:"ours_per_second"`
	Seconds       float64   `json:"our_seconds"`
	Shipped       float64   `json:"shipped_per_second"`
	Kept          float64   `json:"kept_per_second"`
	ShippedRatio  float64   `json:"shipped_ratio"`
	KeptRatio     float64   `json:"kept_ratio"`
	ShippedFloor  float64   `json:"shipped_floor,omitzero"`
	KeptFloor     float64   `json:"kept_floor,omitzero"`
	ShippedRatios []float64 `json:"shipped_ratios"`
	KeptRatios    []float64 `json:"kept_ratios"`
}

func (x originalRow) verdict() string {
	if x.ShippedFloor == 0 {
		return verdict(x.KeptRatio, x.KeptFloor)
	}
	return verdict(x.ShippedRatio, x.ShippedFloor) + ", kept " + verdict(x.KeptRatio, x.KeptFloor)
}

// pace is seconds for one resource, by round.
type pace struct{ ours, shipped, kept []float64 }

// compareWithOriginal measures every command in rounds, each on databases of its own.
func compareWithOriginal(ctx context.Context, s *server, in inputs, o options) ([]originalRow, error) {
	commands := slices.DeleteFunc(slices.Clone(commands), func(c contest) bool { return !strings.Contains(c.name, o.commands) })
	paces := make([]pace, len(commands))
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d beside the original\n", round+1, o.rounds)
		for i, c := range commands {
			if err := paces[i].take(ctx, s, c, in, round%2 == 1); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	rows := make([]originalRow, len(commands))
	for i, c := range commands {
		rows[i] = paces[i].row(c, in)
	}
	return rows, nil
}

func (p *pace) row(c contest, in inputs) originalRow {
	x := originalRow{Command: c.name, ShippedFloor: c.shipped, KeptFloor: c.kept}
	x.Ours, x.Shipped, x.Kept = 1/command.Median(p.ours), 1/command.Median(p.shipped), 1/command.Median(p.kept)
	x.Seconds = command.Median(p.ours) * float64(in.resourcesOf(c))
	for i := range p.ours {
		x.ShippedRatios = append(x.ShippedRatios, p.shipped[i]/p.ours[i])
		x.KeptRatios = append(x.KeptRatios, p.kept[i]/p.ours[i])
	}
	x.ShippedRatio, x.KeptRatio = command.Median(x.ShippedRatios), command.Median(x.KeptRatios)
	return x
}

// take measures one command on all sides, in turn.
func (p *pace) take(ctx context.Context, s *server, c contest, in inputs, reverse bool) error {
	sides := []func() error{
		func() error { return p.takeOurs(ctx, s, c, in) },
		func() error { return takeTheirs(ctx, s, c, in, false, &p.shipped) },
		func() error { return takeTheirs(ctx, s, c, in, true, &p.kept) },
	}
	for i := range sides {
		at := i
		if reverse {
			at = len(sides) - 1 - i
		}
		if err := sides[at](); err != nil {
			return err
		}
	}
	return nil
}
