package jobs

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// CodeTimeout is the code of an attempt that took too long, or made no progress for
// too long.
const CodeTimeout = "timeout"

const (
	// hangGrace is how long what was told to end may take to do so.
	hangGrace = 30 * time.Second
	// maxHung is how many long jobs may hang before no more are begun.
	maxHung = 4
)

// errTimeout is the cause that ends a unit of work that takes too long; errStalled
// that of a long job without progress.
var (
	errTimeout = errors.New("the attempt took too long")
	errStalled = errors.New("the attempt made no progress for too long")
)

// hung counts the attempts that did not end though they were told to. They cannot
// be killed, so they are left to themselves: their messages are handed back and
// their claims released. What they may still write is fenced, or finds the job's
// row. The process begins nothing more, which others can do, until they end.
type hung struct{ saves, long atomic.Int64 }

// trouble returns why nothing is to be begun, nil for no reason.
func (h *hung) trouble() error {
	if h.saves.Load() > 0 || h.long.Load() >= maxHung {
		return fmt.Errorf("an attempt hangs and cannot be ended: %w", storage.ErrUnavailable)
	}
	return nil
}

// answer is what a function gave.
type answer[T any] struct {
	value T
	err   error
}

// within runs f, which works under ctx, and returns what it returns. When ctx ends,
// f is waited for as long as patience says for the cause, 0 for ever; then it is
// left to itself and counts until it ends, and the cause is returned.
func within[T any](ctx context.Context, count *atomic.Int64, patience func(cause error) time.Duration, f func() (T, error)) (T, error) {
	ended := make(chan answer[T], 1)
	go func() {
		defer close(ended)
		var a answer[T]
		a.value, a.err = f()
		ended <- a
	}()
	take := func(a answer[T], ok bool) (T, error) {
		if !ok {
			runtime.Goexit() // f did so, and it ran in our place
		}
		return a.value, a.err
	}
	select {
	case a, ok := <-ended:
		return take(a, ok)
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	var late <-chan time.Time
	if d := patience(cause); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case a, ok := <-ended:
		return take(a, ok)
	case <-late:
	}
	count.Add(1)
	go func() {
		<-ended
		count.Add(-1)
	}()
	var none T
	return none, fmt.Errorf("%w, and does not end", cause)
}

// savePatience says how long a unit of work is waited for that was told to end. One
// that ends with the process is waited for by its owner.
func savePatience(cause error) time.Duration {
	if errors.Is(cause, errTimeout) {
		return hangGrace
	}
	return 0
}

// longPatience is savePatience for a long job. One that a user cancelled may still
// be sweeping.
func (x *Executor) longPatience(cause error) time.Duration {
	switch {
	case errors.Is(cause, errCancelled):
		return x.StallTimeout
	case errors.Is(cause, errStalled), errors.Is(cause, errTimeout), errors.Is(cause, storage.ErrFenced), errors.Is(cause, storage.ErrUnavailable), isPanic(cause):
		return hangGrace
	}
	return 0
}

// late returns the error of a unit of work that failed with err, when ctx, under
// which it worked for limit at most, ended for the time it took: the store's fault when that does not
// answer now either.
func (x *Executor) late(ctx context.Context, limit time.Duration, err error) error {
	if err == nil || !errors.Is(context.Cause(ctx), errTimeout) {
		return err
	}
	if trouble := x.hung.trouble(); trouble != nil {
		return fmt.Errorf("%w: %w", trouble, err)
	}
	if _, refused := refusal(err); refused || errors.Is(err, storage.ErrUnavailable) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), debtPatience)
	defer cancel()
	if perr := x.Probe(ctx); perr != nil {
		return fmt.Errorf("%w after %s, and the store does not answer: %w: %w", errTimeout, limit, storage.ErrUnavailable, perr)
	}
	return fmt.Errorf("%w: more than %s: %w", errTimeout, limit, err)
}
