package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// bench is one run of the command: a server and a process for each side.
type bench struct {
	options
	server *pgserver.Server
	sides  []*measured
}

// measured is a side with its process and what it took.
type measured struct {
	name    string
	process *process
	timings
}

// timings are seconds for one resource, by round.
type timings struct{ wall, client, server []float64 }

// startBench starts the server and the processes of the sides whose names match.
func startBench(ctx context.Context, o options, only *regexp.Regexp) (b *bench, err error) {
	b = &bench{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.stop())
		}
	}()
	if b.server, err = pgserver.Start(ctx); err != nil {
		return b, err
	}
	for _, s := range sides() {
		if !only.MatchString(s.name) {
			continue
		}
		m := &measured{name: s.name}
		if m.process, err = startProcess(ctx, o, s.name, b.server.PID()); err != nil {
			return b, err
		}
		b.sides = append(b.sides, m)
		if _, err := b.ask(ctx, m, orderPrepare); err != nil {
			return b, err
		}
	}
	if len(b.sides) == 0 {
		return b, fmt.Errorf("no side matches %s", only)
	}
	return b, nil
}

func (b *bench) stop() (err error) {
	for _, s := range b.sides {
		err = errors.Join(err, s.process.stop())
	}
	if b.server != nil {
		err = errors.Join(err, b.server.Stop())
	}
	return err
}

// ask has the process of a side carry out an order in a fresh database.
func (b *bench) ask(ctx context.Context, s *measured, what string) (_ answer, err error) {
	dsn, drop, err := b.server.Database(ctx)
	if err != nil {
		return answer{}, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	a, err := s.process.do(order{What: what, DSN: dsn})
	if err != nil {
		return answer{}, fmt.Errorf("%s, %s: %w", s.name, what, err)
	}
	return a, nil
}

// run measures every side in rounds; each begins with another one. In front of them is one
// that does not count: the heaps of the processes grow in it. Paced jobs come behind them,
// since processes that have little to do give their heaps back.
func (b *bench) run(ctx context.Context) (report, error) {
	for round := range b.rounds + 1 {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round, b.rounds)
		for i := range b.sides {
			if err := b.take(ctx, b.sides[(i+round)%len(b.sides)], round > 0); err != nil {
				return report{}, err
			}
		}
	}
	paces := newPaces()
	for round := range b.rounds {
		if b.pacedJobs() == 0 {
			break
		}
		fmt.Fprintf(os.Stderr, "paced round %d of %d\n", round+1, b.rounds)
		if err := b.takePaces(ctx, paces, round%2 == 1); err != nil {
			return report{}, err
		}
	}
	return b.report(paces), nil
}

// take measures one side once.
func (b *bench) take(ctx context.Context, s *measured, counts bool) error {
	a, err := b.ask(ctx, s, orderTake)
	if err != nil || !counts {
		return err
	}
	s.wall, s.client, s.server = append(s.wall, a.Wall), append(s.client, a.Client), append(s.server, a.Server)
	return nil
}

// pacedJobs is how many jobs are paced.
func (o options) pacedJobs() int {
	return int(o.paced.Seconds() * float64(o.rate))
}

// paces are the latencies of paced jobs, in seconds, by side and round.
type paces struct{ p50, p99 map[string][]float64 }

func newPaces() *paces { return &paces{map[string][]float64{}, map[string][]float64{}} }

// takePaces measures those of the sides that pace jobs.
func (b *bench) takePaces(ctx context.Context, p *paces, reverse bool) error {
	order := slices.DeleteFunc(slices.Clone(b.sides), func(s *measured) bool { return !slices.Contains(pacedSides, s.name) })
	if reverse {
		slices.Reverse(order)
	}
	for _, s := range order {
		a, err := b.ask(ctx, s, orderPace)
		if err != nil {
			return err
		}
		slices.Sort(a.Latencies)
		p.p50[s.name] = append(p.p50[s.name], command.Median(a.Latencies))
		p.p99[s.name] = append(p.p99[s.name], a.Latencies[len(a.Latencies)*99/100])
	}
	return nil
}
