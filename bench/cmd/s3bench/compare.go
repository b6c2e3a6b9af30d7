package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/cputime"
)

// floor is the ratio that must be reached.
const floor = 0.9

// objectsEach is how many objects a revision is.
const objectsEach = 3

// row is the outcome with one server.
type row struct {
	Latency string    `json:"latency"`
	Ours    float64   `json:"ours_revisions_per_second"`
	Bare    float64   `json:"bare_revisions_per_second"`
	OursCPU float64   `json:"ours_cpu_us"` // per revision, the server's included
	BareCPU float64   `json:"bare_cpu_us"`
	Ratio   float64   `json:"ratio"`  // median of the rounds'
	Ratios  []float64 `json:"ratios"` // by round
}

// timings are the seconds that a side took in each round.
type timings struct{ wall, cpu []float64 }

// take measures one call.
func (t *timings) take(ctx context.Context, side string, call func(context.Context) error) (err error) {
	runtime.GC()
	cpu, begin := cputime.Now(), time.Now()
	pprof.Do(ctx, pprof.Labels("side", side), func(ctx context.Context) { err = call(ctx) })
	t.wall = append(t.wall, time.Since(begin).Seconds())
	t.cpu = append(t.cpu, (cputime.Now() - cpu).Seconds())
	return err
}

// compare measures both sides in rounds, with a server that answers at once and one
// that is slower; the side that begins alternates.
func compare(ctx context.Context, o options) ([]row, error) {
	r := makeRevisions(o.revisions)
	objects := r.objects()
	latencies := []time.Duration{0, o.latency}
	ours, others := make([]timings, len(latencies)), make([]timings, len(latencies))
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		for i, latency := range latencies {
			sides := []func() error{
				func() error { return timeOurs(ctx, &ours[i], latency, r, o) },
				func() error { return timeBare(ctx, &others[i], latency, objects, o) },
			}
			if (round+i)%2 == 1 {
				slices.Reverse(sides)
			}
			for _, side := range sides {
				if err := side(); err != nil {
					return nil, err
				}
			}
		}
	}
	rows := make([]row, len(latencies))
	n := float64(o.revisions)
	for i, latency := range latencies {
		a, b := ours[i], others[i]
		x := row{
			Latency: latency.String(), Ours: n / command.Median(a.wall), Bare: n / command.Median(b.wall),
			OursCPU: command.Median(a.cpu) * 1e6 / n, BareCPU: command.Median(b.cpu) * 1e6 / n,
		}
		for round := range a.wall {
			x.Ratios = append(x.Ratios, b.wall[round]/a.wall[round])
		}
		x.Ratio = command.Median(x.Ratios)
		rows[i] = x
	}
	return rows, nil
}

// timeOurs puts revisions through the store into a fresh server.
func timeOurs(ctx context.Context, t *timings, latency time.Duration, r revisions, o options) (err error) {
	srv, err := startServer(latency)
	if err != nil {
		return err
	}
	defer srv.Close()
	s, err := openOurs(ctx, srv, o.parallel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := t.take(ctx, "ours", func(ctx context.Context) error { return putOurs(ctx, s, r, o.batch) }); err != nil {
		return err
	}
	return srv.check(o)
}

// timeBare puts the same objects into a fresh server.
func timeBare(ctx context.Context, t *timings, latency time.Duration, objects []object, o options) error {
	srv, err := startServer(latency)
	if err != nil {
		return err
	}
	defer srv.Close()
	b := newBare(srv, o.parallel)
	defer b.http.CloseIdleConnections()
	if err := t.take(ctx, "bare", func(ctx context.Context) error { return b.put(ctx, objects, o.parallel) }); err != nil {
		return err
	}
	return srv.check(o)
}

// check reports whether as many objects are there as should be.
func (s *server) check(o options) error {
	n, err := s.objects()
	if want := objectsEach * o.revisions; err == nil && n != want {
		return fmt.Errorf("there are %d objects, want %d", n, want)
	}
	return err
}
