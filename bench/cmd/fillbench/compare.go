package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/cputime"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/manager"
)

// floor is the ratio that must be reached.
const floor = 0.9

// report is the outcome of a backfill beside the program by hand.
type report struct {
	Rows        int       `json:"rows"`
	Page        int       `json:"page"`
	Connections int       `json:"connections"`
	Ours        side      `json:"backfill"`
	ByHand      side      `json:"by_hand"`
	Ratio       float64   `json:"ratio"`  // median of the rounds'
	Ratios      []float64 `json:"ratios"` // by round
}

// side are the figures of one side.
type side struct {
	PerSecond float64 `json:"rows_per_second"`
	ClientCPU float64 `json:"client_cpu_us"` // of a row
	ServerCPU float64 `json:"server_cpu_us"`

	wall, client, server []float64 // seconds, by round
}

// compare measures both sides in rounds; the side that begins alternates.
func compare(ctx context.Context, server *pgserver.Server, o options) (r report, err error) {
	r = report{Rows: o.resources, Page: o.page, Connections: o.connections}
	p, err := newPlace(ctx, server, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	stop, err := command.Profile(o.CPUProfile)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	ours := func(ctx context.Context) error {
		stats, err := p.manager.BackfillRevisionMeta(ctx, manager.BackfillOptions{})
		if err == nil && stats.Updated != int64(o.resources) {
			err = fmt.Errorf("%+v", stats)
		}
		return err
	}
	byHand := func(ctx context.Context) error {
		return fillByHand(ctx, p.pool, o.page, p.store.Traits().Writers)
	}
	sums := map[string]bool{}
	for i := range o.rounds + 1 { // the first one warms up
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i, o.rounds)
		sides := []func() error{
			func() error { return r.Ours.take(ctx, server, p, "ours", sums, ours) },
			func() error { return r.ByHand.take(ctx, server, p, "by hand", sums, byHand) },
		}
		if i%2 == 1 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			if err := side(); err != nil {
				return r, err
			}
		}
		if i > 0 {
			r.Ratios = append(r.Ratios, r.ByHand.wall[i]/r.Ours.wall[i])
		}
	}
	if len(sums) != 1 {
		return r, fmt.Errorf("the sides left %d different tables", len(sums))
	}
	r.Ratio = command.Median(r.Ratios)
	r.Ours.sum(o.resources)
	r.ByHand.sum(o.resources)
	return r, nil
}

// take measures one call on rows that lack rev_*, and notes the digest of what it left.
func (s *side) take(ctx context.Context, server *pgserver.Server, p *place, name string, sums map[string]bool, call func(context.Context) error) (err error) {
	if err := p.reset(ctx); err != nil {
		return err
	}
	runtime.GC()
	client, remote, begin := cputime.Now(), server.CPU(), time.Now()
	pprof.Do(ctx, pprof.Labels("side", name), func(ctx context.Context) { err = call(ctx) })
	s.wall = append(s.wall, time.Since(begin).Seconds())
	s.client = append(s.client, (cputime.Now() - client).Seconds())
	s.server = append(s.server, (server.CPU() - remote).Seconds())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	sum, lacking, err := p.digest(ctx)
	if err == nil && lacking > 0 {
		err = fmt.Errorf("%s left %d rows without rev_*", name, lacking)
	}
	sums[sum] = true
	return err
}

// sum makes the figures of the rounds, without the first one.
func (s *side) sum(rows int) {
	n := float64(rows)
	s.PerSecond = n / command.Median(s.wall[1:])
	s.ClientCPU, s.ServerCPU = command.Median(s.client[1:])*1e6/n, command.Median(s.server[1:])*1e6/n
}

func (r report) write(w io.Writer) error {
	texts := make([]string, len(r.Ratios))
	for i, v := range r.Ratios {
		texts[i] = fmt.Sprintf("%.2f", v)
	}
	reached := "reached"
	if r.Ratio < floor {
		reached = "not reached"
	}
	_, err := fmt.Fprintf(w, `rev_* of %d rows in pages of %d, %d connections, PostgreSQL
  by hand   %7.0f rows/s, %.1f µs of CPU each here, %.1f µs of the server
  backfill  %7.0f rows/s, %.1f µs, %.1f µs; ratio %.2f (rounds %s; at least %.1f: %s)
`, r.Rows, r.Page, r.Connections, r.ByHand.PerSecond, r.ByHand.ClientCPU, r.ByHand.ServerCPU,
		r.Ours.PerSecond, r.Ours.ClientCPU, r.Ours.ServerCPU, r.Ratio, strings.Join(texts, " "), floor, reached)
	return err
}
