package consumer

import (
	"context"
	"slices"
	"sync"
)

// pool is a number of things that loops share. Who waits longest for a lane gets them
// first, lanes in their order.
type pool struct {
	mu      sync.Mutex
	free    int
	waiters []*waiter // by lane, then by age
}

// waiter waits for n things, of which keep must be left for others.
type waiter struct {
	lane, n, keep int
	ready         chan struct{} // closed when they are given
}

// acquire takes n things unless fewer than keep would be left, when there are, and
// returns false when ctx ends before.
func (p *pool) acquire(ctx context.Context, lane, n, keep int) bool {
	w := &waiter{lane: lane, n: n, keep: keep, ready: make(chan struct{})}
	p.add(w)
	select {
	case <-w.ready:
		return true
	case <-ctx.Done():
		return p.given(w)
	}
}

// try takes n things if at least keep are left then and nobody waits.
func (p *pool) try(n, keep int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiters) > 0 || p.free-n < keep {
		return false
	}
	p.free -= n
	return true
}

// add puts w behind those of its lane.
func (p *pool) add(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.waiters, func(x *waiter) bool { return x.lane > w.lane })
	if at < 0 {
		at = len(p.waiters)
	}
	p.waiters = slices.Insert(p.waiters, at, w)
	p.grant()
}

// given ends the waiting of w, and returns true when it has what it waited for.
func (p *pool) given(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(p.waiters, w)
	if at < 0 {
		return true
	}
	p.waiters = slices.Delete(p.waiters, at, at+1)
	p.grant() // w may have been in the way of others
	return false
}

// grant gives to those who wait. One who cannot be served yet is not overtaken by
// those who would have to leave as many or more. The caller holds mu.
func (p *pool) grant() {
	blocked := false
	least := 0 // what the first who is blocked must leave
	p.waiters = slices.DeleteFunc(p.waiters, func(w *waiter) bool {
		if blocked && w.keep >= least {
			return false
		}
		if p.free-w.n < w.keep {
			if !blocked || w.keep < least {
				blocked, least = true, w.keep
			}
			return false
		}
		p.free -= w.n
		close(w.ready)
		return true
	})
}

// release gives n things back.
func (p *pool) release(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free += n
	p.grant()
}

// left is how many things may be taken so that keep are left; it may be negative.
func (p *pool) left(keep int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.free - keep
}
