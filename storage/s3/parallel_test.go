package s3

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/specstar-worker/worker/internal/caught"
)

func TestParallel(t *testing.T) {
	s := &Store{cfg: Config{Parallel: 4}}
	for _, n := range []int{0, 1, 3, 4, 100} {
		called := make([]atomic.Int64, n)
		var running, most atomic.Int64
		err := s.parallel(t.Context(), n, func(_ context.Context, i int) error {
			now := running.Add(1)
			defer running.Add(-1)
			for at := most.Load(); now > at && !most.CompareAndSwap(at, now); at = most.Load() {
			}
			called[i].Add(1)
			return nil
		})
		if err != nil || most.Load() > 4 {
			t.Errorf("%d calls: %v, %d at a time", n, err, most.Load())
		}
		for i := range called {
			if called[i].Load() != 1 {
				t.Errorf("call %d of %d was made %d times", i, n, called[i].Load())
			}
		}
	}
}

// TestParallelEnds ends in the middle: by an error, which others' do not hide, and
// by the caller, who hears of it although no call failed.
func TestParallelEnds(t *testing.T) {
	s := &Store{cfg: Config{Parallel: 4}}
	broken := errors.New("broken")
	var calls atomic.Int64
	err := s.parallel(t.Context(), 1000, func(ctx context.Context, i int) error {
		calls.Add(1)
		if i == 10 {
			return broken
		}
		if i > 10 {
			<-ctx.Done()
		}
		return ctx.Err()
	})
	if !errors.Is(err, broken) || calls.Load() > 20 {
		t.Errorf("%d calls gave %v, want %v", calls.Load(), err, broken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = s.parallel(ctx, 1000, func(_ context.Context, i int) error {
		if i == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("calls that were left out give %v, want %v", err, context.Canceled)
	}
}

// TestAPanicIsTheErrorOfTheCall, in whatever goroutine it is.
func TestAPanicIsTheErrorOfTheCall(t *testing.T) {
	s := &Store{cfg: Config{Parallel: 4}}
	err := s.parallel(t.Context(), 9, func(context.Context, int) error { panic("no object of mine") })
	if _, is := errors.AsType[*caught.PanicError](err); !is {
		t.Errorf("parallel: %v", err)
	}
	items := func(yield func(int, error) bool) { yield(1, nil) }
	for _, err = range ahead(t.Context(), 2, items, func(context.Context, int) (int, error) { panic("no object of mine") }) {
		if _, is := errors.AsType[*caught.PanicError](err); !is {
			t.Errorf("ahead: %v", err)
		}
	}
}
