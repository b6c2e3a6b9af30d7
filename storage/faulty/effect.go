package faulty

import (
	"context"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// Effect is what happens to a call. The zero Effect is nothing.
type Effect struct {
	before, after error
	delay         time.Duration
	cancel        bool
	panics        any
	short         bool
	items         int
}

// Fail gives err in place of the call, which is not made.
func Fail(err error) Effect { return Effect{before: err} }

// FailAfter makes the call and gives err in place of its answer: the outcome is
// unknown to the caller. An error of the call itself is joined to it. A sequence
// ends with the error.
func FailAfter(err error) Effect { return Effect{after: err} }

// Outage gives an error that wraps [storage.ErrUnavailable] in place of the
// call. With [Fault.Times] it is a burst.
func Outage() Effect { return Fail(fmt.Errorf("faulty: %w", storage.ErrUnavailable)) }

// Delay makes the call later; it ends early with the context.
func Delay(d time.Duration) Effect { return Effect{delay: d} }

// Cancel makes the call with a context that is cancelled d after the call began;
// with 0, before it. Methods without a context are not changed.
func Cancel(d time.Duration) Effect { return Effect{cancel: true, delay: d} }

// Panic panics in place of the call.
func Panic(v any) Effect { return Effect{panics: v} }

// Short ends a sequence after n values, and the content of an opened blob after
// n bytes, with err; with nil it ends as if that were all. What is shorter, and
// other methods, are not changed.
func Short(n int, err error) Effect { return Effect{short: true, items: n, after: err} }

// begin does what comes before the call. The error is given in its place.
func (e Effect) begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if e.panics != nil {
		panic(e.panics)
	}
	if e.before != nil {
		return ctx, func() {}, e.before
	}
	if e.cancel {
		ctx, cancel := context.WithCancel(ctx)
		if e.delay == 0 {
			cancel()
			return ctx, cancel, nil
		}
		timer := time.AfterFunc(e.delay, cancel)
		return ctx, func() { timer.Stop(); cancel() }, nil
	}
	if e.delay > 0 {
		select {
		case <-time.After(e.delay):
		case <-ctx.Done():
		}
	}
	return ctx, func() {}, nil
}
