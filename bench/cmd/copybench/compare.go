package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/cputime"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// path is one way to write the same records.
type path struct {
	name string
	// floor is the ratio to COPY that must be reached, 0 for none.
	floor float64
	// known: the resources are there with their first revisions.
	known bool
	write func(ctx context.Context, t *store) error
}

// timings are what a path took in each round: seconds.
type timings struct {
	wall, client, server []float64
	split                split
}

// limitRow is the outcome of one path.
type limitRow struct {
	Path      string    `json:"path"`
	PerSecond float64   `json:"resources_per_second"`
	Ratio     float64   `json:"ratio"` // to COPY, median of the rounds'
	Ratios    []float64 `json:"ratios"`
	ClientCPU float64   `json:"client_cpu_us"` // per resource
	ServerCPU float64   `json:"server_cpu_us"`
	// Steps is ClientCPU by step, as a profile has it.
	Steps map[string]float64 `json:"steps,omitempty"`
	Floor float64            `json:"floor,omitzero"`
}

// shortCopy is how many rows a shorter command of COPY has. The server takes a place in
// memory for each row of a command and looks through all of them.
const shortCopy = 250

// compareWithCopy measures every path in rounds, in an order that is drawn anew in each. In
// front of them is one that does not count: the heap grows in it.
func compareWithCopy(ctx context.Context, s *server, o options) ([]limitRow, error) {
	first, err := makeRecords(o.resources, o.batch, 1)
	if err != nil {
		return nil, err
	}
	second, err := makeRecords(o.resources, o.batch, 2)
	if err != nil {
		return nil, err
	}
	whole, err := expectedCopies(ctx, s, first, o, o.batch)
	if err != nil {
		return nil, err
	}
	short, err := expectedCopies(ctx, s, first, o, shortCopy)
	if err != nil {
		return nil, err
	}
	paths := []path{
		{name: "binary COPY of the rows (the limit)", write: func(ctx context.Context, t *store) error { return writeCopied(ctx, t, whole, o) }},
		{name: "binary COPY by shorter commands", write: func(ctx context.Context, t *store) error { return writeCopied(ctx, t, short, o) }},
		{name: "units of work, new", floor: 0.95, write: func(ctx context.Context, t *store) error { return writeUnits(ctx, t, first, o, true, false) }},
		{name: "units of work, new, a row of the ledger each", floor: 0.85, write: func(ctx context.Context, t *store) error { return writeUnits(ctx, t, first, o, true, true) }},
		{name: "units of work, known", known: true, floor: 0.65, write: func(ctx context.Context, t *store) error { return writeUnits(ctx, t, second, o, false, false) }},
		{name: "units of work, known, a row of the ledger each", known: true, floor: 0.55, write: func(ctx context.Context, t *store) error { return writeUnits(ctx, t, second, o, false, true) }},
	}
	paths = slices.DeleteFunc(paths, func(p path) bool { return p.floor > 0 && !strings.Contains(p.name, o.paths) })
	results := make([]timings, len(paths))
	for round := range o.unitRounds + 1 {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round, o.unitRounds)
		for _, at := range rand.Perm(len(paths)) { // nobody is always behind the same one
			if err := results[at].take(ctx, s, paths[at], first, o); err != nil {
				return nil, fmt.Errorf("%s: %w", paths[at].name, err)
			}
		}
		if round == 0 {
			results = make([]timings, len(paths))
		}
	}
	return limitRows(paths, results, o), nil
}

// expectedCopies writes once and returns what was written, for commands of so many rows.
func expectedCopies(ctx context.Context, s *server, r records, o options, rows int) (_ []copied, err error) {
	t, err := s.store(ctx, o.connections)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := writeUnits(ctx, t, r, o, true, false); err != nil {
		return nil, err
	}
	return readCopied(ctx, t, r, o, rows)
}

// take measures one path on a fresh store and checks that everything is there.
func (r *timings) take(ctx context.Context, s *server, p path, first records, o options) (err error) {
	t, err := s.store(ctx, o.connections)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	revisions := int64(o.resources)
	if p.known {
		revisions *= 2
		if err := writeUnits(ctx, t, first, o, true, false); err != nil {
			return err
		}
	}
	if err := pgserver.Checkpoint(ctx, t.dsn); err != nil {
		return err
	}
	runtime.GC()
	write := func() error { return r.measure(ctx, s, p, t) }
	if o.split && p.floor > 0 {
		err = r.split.sample(write)
	} else {
		err = write()
	}
	if err != nil {
		return err
	}
	stores, err := t.Build(ctx, model)
	if err != nil {
		return err
	}
	stats, err := stores.Metas.Stats(ctx)
	if err != nil {
		return err
	}
	n, err := stores.Revisions.Count(ctx)
	if err == nil && (stats.Metas != int64(o.resources) || n != revisions || stats.UnsetRev != 0) {
		err = fmt.Errorf("the store holds %+v and %d revisions afterwards", stats, n)
	}
	return err
}

// measure measures one write.
func (r *timings) measure(ctx context.Context, s *server, p path, t *store) error {
	server, client, begin := s.CPU(), cputime.Now(), time.Now()
	if err := p.write(ctx, t); err != nil {
		return err
	}
	r.wall = append(r.wall, time.Since(begin).Seconds())
	r.client = append(r.client, (cputime.Now() - client).Seconds())
	r.server = append(r.server, (s.CPU() - server).Seconds())
	return nil
}

func limitRows(paths []path, results []timings, o options) []limitRow {
	n := float64(o.resources)
	rows := make([]limitRow, len(paths))
	for i, p := range paths {
		r := results[i]
		rows[i] = limitRow{
			Path: p.name, Floor: p.floor, PerSecond: n / command.Median(r.wall),
			ClientCPU: command.Median(r.client) * 1e6 / n, ServerCPU: command.Median(r.server) * 1e6 / n,
		}
		for round, wall := range r.wall {
			rows[i].Ratios = append(rows[i].Ratios, results[0].wall[round]/wall)
		}
		rows[i].Steps = r.split.share(rows[i].ClientCPU)
		rows[i].Ratio = command.Median(rows[i].Ratios)
	}
	return rows
}
