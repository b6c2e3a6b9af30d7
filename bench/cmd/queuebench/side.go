package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/specstar-worker/worker/bench/internal/cputime"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// side is one way to write resources.
type side struct {
	name  string
	river bool // it writes as many as River
	needs needs
	// write calls begin when everything is started and end when all is committed; it
	// returns when it has cleaned up.
	write func(b *alone, ctx context.Context, t *store, begin, end func()) error
	// pace, when not nil, returns how long each of paced jobs took, in seconds.
	pace func(b *alone, ctx context.Context, t *store) ([]float64, error)
}

// needs are what a side has at hand beside the operations.
type needs struct{ rows, copies bool }

// pacedSides are the sides that have a pace.
var pacedSides = []string{sideRiver, sideSingle, sideSingleSynced}

func sides() []side {
	single := func(always bool) func(*alone, context.Context, *store) ([]float64, error) {
		return func(b *alone, ctx context.Context, t *store) ([]float64, error) { return b.paceQueue(ctx, t, always) }
	}
	return []side{
		{name: sideCopy, needs: needs{copies: true}, write: (*alone).writeCopies},
		{name: sideRiver, river: true, needs: needs{rows: true}, write: writeRiver(false), pace: (*alone).paceRiver},
		{name: sideRiverLean, river: true, needs: needs{rows: true}, write: writeRiver(true)},
		{name: sideSingle, write: writeSingle(false), pace: single(false)},
		{name: sideBulk, write: writeBulk(false)},
		{name: sideSingleSynced, write: writeSingle(true), pace: single(true)},
		{name: sideBulkSynced, write: writeBulk(true)},
	}
}

// alone is the process of one side.
type alone struct {
	options
	side
	work work
}

// newAlone returns the side of a name.
func newAlone(o options) (*alone, error) {
	all := sides()
	i := slices.IndexFunc(all, func(s side) bool { return s.name == o.alone })
	if i < 0 {
		return nil, fmt.Errorf("-alone: there is no side %q", o.alone)
	}
	return &alone{options: o, side: all[i]}, nil
}

// resourcesOf is how many resources a round of the side writes.
func (b *alone) resourcesOf() int {
	if b.side.river {
		return b.options.river
	}
	return b.resources
}

// measure measures the side once: the time until all is committed, and the CPU until all
// is at rest, since queues note what has ended afterwards.
func (b *alone) measure(ctx context.Context, dsn string) (a answer, err error) {
	t, err := openStore(ctx, dsn)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	runtime.GC()
	var server, client time.Duration
	var begun, ended time.Time
	err = b.write(b, ctx, t,
		func() { server, client, begun = pgserver.CPU(b.serverPID), cputime.Now(), time.Now() },
		func() { ended = time.Now() })
	if err != nil {
		return a, err
	}
	n := float64(b.resourcesOf())
	a.Wall = ended.Sub(begun).Seconds() / n
	a.Client = (cputime.Now() - client).Seconds() / n
	a.Server = (pgserver.CPU(b.serverPID) - server).Seconds() / n
	return a, t.holds(ctx, b.resourcesOf())
}

// latencies paces jobs.
func (b *alone) latencies(ctx context.Context, dsn string) (a answer, err error) {
	if b.pace == nil {
		return a, errors.New("the side has no pace")
	}
	t, err := openStore(ctx, dsn)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	runtime.GC()
	a.Latencies, err = b.pace(b, ctx, t)
	return a, err
}
