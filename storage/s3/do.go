package s3

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// Stats counts what a store did since it was opened.
type Stats struct {
	// Requests are all that were sent, Retries those among them that repeated one.
	Requests, Retries int64
	// Throttled are the requests that the service refused because there were too many.
	Throttled int64
	// GivenUp are those that ended with storage.ErrUnavailable.
	GivenUp int64
}

type counts struct{ requests, retries, throttled, givenUp atomic.Int64 }

// Stats returns the counts as they are now.
func (s *Store) Stats() Stats {
	return Stats{
		Requests:  s.counts.requests.Load(),
		Retries:   s.counts.retries.Load(),
		Throttled: s.counts.throttled.Load(),
		GivenUp:   s.counts.givenUp.Load(),
	}
}

// do runs one request in a slot, and runs it again as long as that may help: it
// must be harmless when it took effect before. The request calls moved when bytes
// have passed. The error says what was being done.
func (s *Store) do(ctx context.Context, doing string, r request) error {
	return s.doWithin(ctx, doing, s.cfg.Stall, r)
}

// request is sent by do.
type request func(ctx context.Context, moved func()) error

// doWithin is do with another time that an attempt may make no progress.
func (s *Store) doWithin(ctx context.Context, doing string, stall time.Duration, r request) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	doing = "bucket " + s.cfg.Bucket + ": " + doing
	until := time.Now().Add(s.cfg.RetryFor)
	for n := 0; ; n++ {
		err := s.pace.wait(ctx, until)
		if err != nil {
			return s.giveUp(doing, err, ctx.Err())
		}
		kind, err := s.attempt(ctx, n, stall, r)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", doing, ctx.Err())
		}
		if kind == final {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if waitErr := s.budget.wait(ctx, n, until); waitErr != nil {
			return s.giveUp(doing, err, ctx.Err())
		}
	}
}

// giveUp is the end of a request that may succeed later.
func (s *Store) giveUp(doing string, last, caller error) error {
	if caller != nil {
		return fmt.Errorf("%s: %w", doing, caller)
	}
	s.counts.givenUp.Add(1)
	return fmt.Errorf("%s: the object store does not serve this, tried for %v: check that it is up and reached: %w (%w)",
		doing, s.cfg.RetryFor, storage.ErrUnavailable, last)
}

// attempt sends a request once.
func (s *Store) attempt(ctx context.Context, n int, stall time.Duration, r request) (class, error) {
	s.counts.requests.Add(1)
	if n > 0 {
		s.counts.retries.Add(1)
	}
	ctx, moved, end := watched(ctx, stall)
	defer end()
	err := r(ctx, moved)
	if err == nil {
		s.budget.earn()
		s.pace.note(false)
		return final, nil
	}
	if errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	kind, err := s.judge(err)
	switch kind {
	case throttled:
		s.counts.throttled.Add(1)
	case final: // an answer all the same
		s.budget.earn()
	}
	s.pace.note(kind == throttled)
	return kind, err
}

// watched returns a context that ends with errStalled when moved was not called
// for a while.
func watched(ctx context.Context, stall time.Duration) (_ context.Context, moved, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(stall, func() { cancel(errStalled) })
	return ctx, func() { timer.Reset(stall) }, func() {
		timer.Stop()
		cancel(nil)
	}
}
