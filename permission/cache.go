package permission

import (
	"context"
	"sync/atomic"
	"time"
)

// cache keeps what was read last as long as it may be used.
type cache[I any] struct {
	load   func(context.Context) (I, error)
	maxAge time.Duration
	turn   chan struct{} // held by who reads
	writes atomic.Uint64 // changes that are known here
	last   atomic.Pointer[cached[I]]
}

type cached[I any] struct {
	index  I
	began  time.Time // before the read
	writes uint64    // before the read
	call   uint64    // for which it was read
}

// get returns an index that may be used for the call with the given number.
func (c *cache[I]) get(ctx context.Context, call uint64) (I, error) {
	asked := time.Now()
	if v := c.last.Load(); c.usable(v, call, asked) {
		return v.index, nil
	}
	var none I
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	// Whoever had the turn may have read it after we asked.
	if v := c.last.Load(); c.usable(v, call, asked) {
		return v.index, nil
	}
	v := &cached[I]{began: time.Now(), writes: c.writes.Load(), call: call}
	var err error
	if v.index, err = c.load(ctx); err != nil {
		return none, err
	}
	c.last.Store(v)
	return v.index, nil
}

// usable reports whether what was read still holds for a call that asked at the
// given time.
func (c *cache[I]) usable(v *cached[I], call uint64, asked time.Time) bool {
	switch {
	case v == nil || v.writes != c.writes.Load():
		return false
	case v.began.After(asked), time.Since(v.began) < c.maxAge:
		return true
	}
	return c.maxAge == 0 && call != 0 && v.call == call
}

// forget has the entries read anew.
func (c *cache[I]) forget() { c.writes.Add(1) }
