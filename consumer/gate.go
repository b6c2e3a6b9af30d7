package consumer

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Delays between two probes of a store that is down.
const (
	probeMin = 200 * time.Millisecond
	probeMax = 10 * time.Second
)

// gate stops all pulling while the store is down. It begins open.
type gate struct {
	executor Executor
	log      *zap.Logger
	tripped  chan struct{} // wakes the prober; holds one token

	mu   sync.Mutex
	open chan struct{} // closed while the gate is open
}

func newGate(x Executor, log *zap.Logger) *gate {
	g := &gate{executor: x, log: log, tripped: make(chan struct{}, 1), open: make(chan struct{})}
	close(g.open)
	return g
}

// trip closes the gate; the prober opens it again.
func (g *gate) trip(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
	default:
		return
	}
	g.open = make(chan struct{})
	g.tripped <- struct{}{}
	g.log.Warn("paused: the store is unavailable", zap.Error(cause))
}

// wait returns when the gate is open or ctx has ended, and whether it is open.
func (g *gate) wait(ctx context.Context) bool {
	select {
	case <-g.state():
		return true
	case <-ctx.Done():
		return g.isOpen()
	}
}

// state returns a channel that is closed once the gate is open.
func (g *gate) state() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

func (g *gate) isOpen() bool {
	select {
	case <-g.state():
		return true
	default:
		return false
	}
}

// run probes after each trip until the store answers. A store that answers but
// cannot be written to, on a full disk, trips again at once: then the delay goes
// on growing.
func (g *gate) run(ctx context.Context) {
	delay, opened := probeMin, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.tripped:
		}
		if time.Since(opened) > probeMax {
			delay = probeMin
		}
		for shut := true; shut && ctx.Err() == nil; delay = min(2*delay, probeMax) {
			pause(ctx, delay)
			if shut = g.probe(ctx) != nil; !shut {
				opened = time.Now()
				g.reopen()
			}
		}
	}
}

func (g *gate) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeMax)
	defer cancel()
	return g.executor.Probe(ctx)
}

func (g *gate) reopen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
	g.log.Info("resumed: the store answers again")
}
