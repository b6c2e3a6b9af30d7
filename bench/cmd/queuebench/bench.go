package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/cputime"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// bench is one run of the command.
type bench struct {
	options
	only   *regexp.Regexp // the names of the sides
	server *pgserver.Server
	work   work
}

// side is one way to write the resources. write calls begin when everything is
// started and end when all is committed; it returns when it has cleaned up.
type side struct {
	name      string
	resources int
	write     func(ctx context.Context, t *store, begin, end func()) error
	timings
}

// timings are seconds for one resource, by round.
type timings struct{ wall, client, server []float64 }

func (b *bench) sides() []*side {
	sides := []*side{
		{name: sideCopy, resources: b.resources, write: b.writeCopies},
		{name: sideRiver, resources: b.river, write: b.writeRiver(false)},
		{name: sideRiverLean, resources: b.river, write: b.writeRiver(true)},
		{name: sideSingle, resources: b.resources, write: b.writeQueue(false, 1)},
		{name: sideBulk, resources: b.resources, write: b.writeQueue(false, b.bulk)},
		{name: sideSingleSynced, resources: b.resources, write: b.writeQueue(true, 1)},
		{name: sideBulkSynced, resources: b.resources, write: b.writeQueue(true, b.bulk)},
	}
	return slices.DeleteFunc(sides, func(s *side) bool { return !b.only.MatchString(s.name) })
}

// run measures every side in rounds; each begins with another one.
func (b *bench) run(ctx context.Context) (report, error) {
	sides := b.sides()
	if len(sides) == 0 {
		return report{}, fmt.Errorf("no side matches %s", b.only)
	}
	paces := newPaces()
	for round := range b.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, b.rounds)
		for i := range sides {
			s := sides[(i+round)%len(sides)]
			if err := b.take(ctx, s); err != nil {
				return report{}, fmt.Errorf("%s: %w", s.name, err)
			}
		}
		if b.pacedJobs() > 0 {
			if err := b.takePaces(ctx, paces, round%2 == 1); err != nil {
				return report{}, err
			}
		}
	}
	return b.report(sides, paces), nil
}

// take measures one side on a fresh database: the time until all is committed, and the
// CPU until all is at rest, since queues note what has ended afterwards.
func (b *bench) take(ctx context.Context, s *side) (err error) {
	t, err := b.store(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	runtime.GC()
	var server, client time.Duration
	var begun, ended time.Time
	pprof.Do(ctx, pprof.Labels("side", s.name), func(ctx context.Context) {
		err = s.write(ctx, t,
			func() { server, client, begun = b.server.CPU(), cputime.Now(), time.Now() },
			func() { ended = time.Now() })
	})
	if err != nil {
		return err
	}
	n := float64(s.resources)
	s.wall = append(s.wall, ended.Sub(begun).Seconds()/n)
	s.client = append(s.client, (cputime.Now()-client).Seconds()/n)
	s.server = append(s.server, (b.server.CPU()-server).Seconds()/n)
	return t.holds(ctx, s.resources)
}

// paces are the latencies of paced jobs, in seconds, by side and round.
type paces struct {
	names    []string
	p50, p99 map[string][]float64
}

func newPaces() *paces {
	return &paces{names: []string{sideRiver, sideSingle, sideSingleSynced}, p50: map[string][]float64{}, p99: map[string][]float64{}}
}

func (b *bench) takePaces(ctx context.Context, p *paces, reverse bool) error {
	order := slices.Clone(p.names)
	if reverse {
		slices.Reverse(order)
	}
	for _, name := range order {
		latencies, err := b.paceOne(ctx, name)
		if err != nil {
			return fmt.Errorf("%s, paced: %w", name, err)
		}
		slices.Sort(latencies)
		p.p50[name] = append(p.p50[name], command.Median(latencies))
		p.p99[name] = append(p.p99[name], latencies[len(latencies)*99/100])
	}
	return nil
}

func (b *bench) paceOne(ctx context.Context, name string) (_ []float64, err error) {
	t, err := b.store(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	runtime.GC()
	if name == sideRiver {
		return b.paceRiver(ctx, t)
	}
	return b.paceQueue(ctx, t, name == sideSingleSynced)
}
