package s3

import (
	"context"
	"iter"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/internal/caught"
)

// parallel calls do for 0 to n-1, many at a time, and returns the first error
// after all have ended. The goroutines are kept for all calls: the stack of a
// request is deep, and to grow it anew for each takes a tenth of the request's time.
func (s *Store) parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n == 1 {
		return do(ctx, 0)
	}
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(n, s.cfg.Parallel) {
		g.Go(caught.Guard(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := ctx.Err(); err != nil { // what is left out is told
					return err
				}
				if err := do(ctx, i); err != nil {
					return err
				}
			}
		}))
	}
	return g.Wait()
}

// result is what a call ahead gives.
type result[V any] struct {
	v   V
	err error
}

// ahead yields what do makes of each item, in the order of items, while do works
// on most more items. Items are taken by the reader's goroutine. It returns when
// every call has ended.
func ahead[I, V any](ctx context.Context, most int, items iter.Seq2[I, error], do func(context.Context, I) (V, error)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var g errgroup.Group
		defer func() { cancel(); _ = g.Wait() }() // their errors are in results
		next, stop := iter.Pull2(items)
		defer stop()
		queue := make(chan chan result[V], most)
		for more := true; ; {
			for more && len(queue) < most {
				item, err, ok := next()
				if more = ok && err == nil; !ok {
					break
				}
				r := make(chan result[V], 1)
				queue <- r
				if err != nil {
					r <- result[V]{err: err}
					break
				}
				g.Go(func() error {
					var got result[V]
					got.err = caught.Call(func() (err error) {
						got.v, err = do(ctx, item)
						return err
					})
					r <- got
					return nil
				})
			}
			if len(queue) == 0 {
				return
			}
			r := <-<-queue
			if !yield(r.v, r.err) || r.err != nil {
				return
			}
		}
	}
}
