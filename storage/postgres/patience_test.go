package postgres

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slow yields numbers, each after a pause, until its context ends.
func slow(pauses ...time.Duration) func(context.Context) iter.Seq2[int, error] {
	return func(ctx context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i, pause := range pauses {
				select {
				case <-time.After(pause):
				case <-ctx.Done():
					yield(0, context.Cause(ctx))
					return
				}
				if !yield(i, nil) {
					return
				}
			}
		}
	}
}

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := 0
		for _, err := range patient(t.Context(), time.Minute, slow(50*time.Second, 59*time.Second, 0, 61*time.Second, 0)) {
			if err != nil {
				if got != 3 || !strings.Contains(err.Error(), "make the pattern simpler") || errors.Is(err, context.Canceled) {
					t.Errorf("after %d rows: %v", got, err)
				}
				return
			}
			got++
			time.Sleep(time.Hour) // what is done with a row takes as long as it likes
		}
		t.Errorf("%d rows, and no error", got)
	})
}

func TestPatienceEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, err := range patient(ctx, time.Minute, slow(time.Hour)) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		}
		for range patient(t.Context(), time.Minute, slow(0, time.Hour)) {
			break
		}
	})
}
