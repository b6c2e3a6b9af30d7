package postgres

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// patternTime is how long the server may look for a regular expression without finding a
// row. Without that, an expression that is hard to match would keep it busy for hours.
const patternTime = 2 * time.Minute

// patient yields what read does, unless that takes longer than within for a row: then its
// context ends with an error that says so, and the server is told. The time that a row is
// used for does not count.
func patient[T any](ctx context.Context, within time.Duration, read func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		timer := time.AfterFunc(within, func() {
			cancel(fmt.Errorf("the server looked for the pattern for %s without finding a row: make the pattern simpler, or narrow the search", within))
		})
		defer timer.Stop()
		for v, err := range read(ctx) {
			timer.Stop()
			if !yield(v, err) {
				return
			}
			timer.Reset(within)
		}
	}
}
