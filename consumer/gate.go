package consumer

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/caught"
)

const (
	// probeMin and probeMax are the delays between two probes of a store that is down.
	probeMin = 200 * time.Millisecond
	probeMax = 4 * time.Second
	// probeWait is how long an answer to a probe is waited for.
	probeWait = 4 * time.Second
	// trialWait is how long a long job is tried before it shows that the store can be
	// written to: it would keep all others waiting until its end.
	trialWait = 2 * time.Second
	// trialIdle is after how long the gate opens if there is nothing to try.
	trialIdle = 2 * probeMax
)

// gateState is what a gate lets pass.
type gateState int

const (
	gateOpen gateState = iota // everything
	gateShut                  // nothing: the store is down
	gateHalf                  // one batch: the store takes a probe again
)

// gate stops all pulling while the store is down. When it takes a probe, which is a
// small write, one batch of one loop shows whether it takes everything: if so the gate
// opens, else it is shut for twice as long. It begins open.
type gate struct {
	executor Executor
	log      *zap.Logger
	tripped  chan struct{} // wakes the prober; holds one token

	mu      sync.Mutex
	state   gateState
	turn    int  // counts the changes of state
	trying  bool // half open: somebody has the pass
	since   time.Time
	cause   error
	changed chan struct{} // closed and replaced when more may pass or less
}

// pass is the right to carry out one batch.
type pass struct {
	trial bool
	turn  int
	timer *time.Timer
}

func newGate(x Executor, log *zap.Logger) *gate {
	return &gate{executor: x, log: log, tripped: make(chan struct{}, 1), changed: make(chan struct{})}
}

// set changes the state. The caller holds mu.
func (g *gate) set(s gateState) {
	g.state, g.trying = s, false
	g.turn++
	g.wake()
}

// wake has everyone look again. The caller holds mu.
func (g *gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// trip shuts the gate; the prober opens it again.
func (g *gate) trip(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == gateShut {
		return
	}
	if g.state == gateOpen {
		g.since = time.Now()
		g.log.Warn("paused: the store is unavailable", zap.Error(cause))
	}
	g.cause = cause
	g.set(gateShut)
	g.tripped <- struct{}{}
}

// wait returns when something may pass or ctx has ended, and whether it may.
func (g *gate) wait(ctx context.Context) bool {
	for {
		g.mu.Lock()
		shut, changed := g.state == gateShut, g.changed
		g.mu.Unlock()
		if !shut {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// enter returns a pass for one batch, or nil and a channel that is closed when there
// may be one.
func (g *gate) enter() (*pass, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.state == gateOpen:
		return &pass{turn: g.turn}, nil
	case g.state == gateHalf && !g.trying:
		g.trying = true
		return &pass{trial: true, turn: g.turn}, nil
	}
	return nil, g.changed
}

// soon has a trial count as successful when it takes long.
func (g *gate) soon(p *pass) {
	if p.trial {
		p.timer = time.AfterFunc(trialWait, func() { g.end(p, true) })
	}
}

// leave gives a pass back. done says that a batch was carried out: if it was a trial
// and the gate has not been shut by it, the gate opens.
func (g *gate) leave(p *pass, done bool) {
	if p.timer != nil {
		p.timer.Stop()
	}
	g.end(p, done)
}

func (g *gate) end(p *pass, done bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !p.trial || p.turn != g.turn:
	case done:
		g.open()
	default:
		g.trying = false
		g.wake()
	}
}

// open opens the gate. The caller holds mu.
func (g *gate) open() {
	g.set(gateOpen)
	g.cause = nil
	g.log.Info("resumed: the store can be written to again", zap.Duration("paused", time.Since(g.since)))
}

func (g *gate) isOpen() bool {
	_, err := g.trouble()
	return err == nil
}

// trouble returns since when and why not everything passes, nil when it does.
func (g *gate) trouble() (time.Time, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == gateOpen {
		return time.Time{}, nil
	}
	return g.since, g.why()
}

// why is the cause, never nil. The caller holds mu.
func (g *gate) why() error {
	if g.cause == nil {
		return errPaused
	}
	return g.cause
}

// run probes after each trip until the store takes a write. The delays grow while it
// takes that and no batch, as when a bucket beside it is down.
func (g *gate) run(ctx context.Context) {
	delay, last := probeMin, time.Time{}
	idle := time.NewTimer(trialIdle)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-idle.C:
			if g.openIdle() {
				idle.Reset(trialIdle)
			}
			continue
		case <-g.tripped:
		}
		if time.Since(last) > trialIdle {
			delay = probeMin
		}
		for shut := true; shut && ctx.Err() == nil; delay = min(2*delay, probeMax) {
			pause(ctx, delay)
			shut = g.probe(ctx) != nil
		}
		last = time.Now()
		g.half()
		idle.Reset(trialIdle)
	}
}

func (g *gate) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	return caught.Call(func() error { return g.executor.Probe(ctx) })
}

// half lets one batch pass.
func (g *gate) half() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == gateShut {
		g.set(gateHalf)
		g.log.Debug("the store takes writes again; one batch is tried")
	}
}

// openIdle opens a gate at which nobody tries anything, and returns true when it is
// to be looked at again.
func (g *gate) openIdle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == gateHalf && !g.trying {
		g.open()
	}
	return g.state == gateHalf
}
