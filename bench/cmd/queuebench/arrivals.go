package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// arrivals notes when each of a number of things is committed.
type arrivals struct {
	mu   sync.Mutex
	at   []time.Time
	left int
	all  chan struct{}
}

func newArrivals(n int) *arrivals {
	return &arrivals{at: make([]time.Time, n), left: n, all: make(chan struct{})}
}

// arrived notes that the i-th is committed now; again it has no effect.
func (a *arrivals) arrived(i int) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.at[i].IsZero() {
		return
	}
	a.at[i] = now
	if a.left--; a.left == 0 {
		close(a.all)
	}
}

// wait waits for all.
func (a *arrivals) wait(ctx context.Context) error {
	select {
	case <-a.all:
		return nil
	case <-ctx.Done():
		a.mu.Lock()
		defer a.mu.Unlock()
		return fmt.Errorf("%d of %d are not committed: %w", a.left, len(a.at), ctx.Err())
	}
}

// latencies returns how long after the given times they arrived, in seconds.
func (a *arrivals) latencies(since []time.Time) []float64 {
	l := make([]float64, len(since))
	for i, t := range since {
		l[i] = a.at[i].Sub(t).Seconds()
	}
	return l
}
