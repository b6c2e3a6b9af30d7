package manager

import (
	"context"
	"iter"
	"sync"
)

// result is what became of a part.
type result[R any] struct {
	value R
	err   error
}

// pipe works on parts, so many at the same time, while the next one is read, and yields
// what became of them in the order of the parts. An error is the last. work may be
// entered by one goroutine more than workers: the part that is made ready.
func pipe[P, R any](ctx context.Context, workers int, parts func(context.Context) iter.Seq2[P, error], work func(context.Context, P) (R, error)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var working sync.WaitGroup
		defer working.Wait()
		defer cancel()
		var ahead []chan result[R]
		next := func() bool {
			first := <-ahead[0]
			ahead = ahead[1:]
			return yield(first.value, first.err) && first.err == nil
		}
		for p, err := range parts(ctx) {
			done := make(chan result[R], 1)
			ahead = append(ahead, done)
			if err != nil {
				done <- result[R]{err: err}
				break
			}
			working.Go(func() {
				var r result[R]
				r.err = Caught(func() (err error) {
					r.value, err = work(ctx, p)
					return err
				})
				done <- r
			})
			if len(ahead) > workers && !next() {
				return
			}
		}
		for len(ahead) > 0 && next() {
		}
	}
}
