package s3

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// budget bounds how many requests are repeated: each repeat takes a token, which
// successes and time give back. When everything fails, repeats become rare whatever
// the number of callers, and the service is not held down by them.
type budget struct {
	now func() time.Time

	mu     sync.Mutex
	tokens float64
	at     time.Time // when time gave tokens last
}

const (
	// budgetMost is how many tokens there are after a quiet time.
	budgetMost = 64
	// budgetSuccess and budgetSecond are what a success and a second give.
	budgetSuccess = 0.5
	budgetSecond  = 4

	// backoffFirst is the longest first pause, which doubles up to backoffMost.
	backoffFirst = 50 * time.Millisecond
	backoffMost  = 2 * time.Second
)

// errLate: there is no time left for a repeat.
var errLate = errors.New("no time is left")

func newBudget() *budget { return &budget{now: time.Now, tokens: budgetMost, at: time.Now()} }

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+budgetSuccess, budgetMost)
}

// take takes a token if there is one.
func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.tokens = min(b.tokens+budgetSecond*now.Sub(b.at).Seconds(), budgetMost)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// wait pauses before repeat n, counted from 0, until a token is there.
func (b *budget) wait(ctx context.Context, n int, until time.Time) error {
	for {
		if err := sleep(ctx, backoff(n), until); err != nil {
			return err
		}
		if b.take() {
			return nil
		}
		n++
	}
}

// backoff is a pause drawn from all that are not too long, so that callers who
// failed together do not come back together.
func backoff(n int) time.Duration {
	most := backoffMost
	if n < 6 {
		most = min(most, backoffFirst<<n)
	}
	return time.Duration(rand.Int64N(int64(most)) + 1)
}

// sleep waits, unless that takes longer than until.
func sleep(ctx context.Context, d time.Duration, until time.Time) error {
	if time.Now().Add(d).After(until) {
		return errLate
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
