package s3

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace limits the rate of requests while the service says that there are too
// many. It follows what the service accepts: a third refused is borne, since the
// repeats cost less than a rate that is too low; more lowers the rate to a little
// above what was accepted. It recovers by a fifth each window, until the limit is
// far above what is asked for and falls away. Few answers say little: of one or two
// a half are soon refused by chance, so a window goes on until there are enough of
// them to lower the rate.
type pace struct {
	limit *rate.Limiter

	mu             sync.Mutex
	since, last    time.Time // begin of the window, and its last answer
	asked, refused int
	now            func() time.Time
	highest        rate.Limit // at which the limit falls away
}

const (
	paceWindow  = 250 * time.Millisecond
	paceQuiet   = 4 * paceWindow // without answers, and a new window begins
	paceSample  = 12             // answers that it takes to lower the rate
	paceLeast   = rate.Limit(8)  // per second, so that recovery is noticed
	paceAbove   = 1.25           // of what was accepted
	paceRecover = 1.2
)

func newPace() *pace {
	return &pace{limit: rate.NewLimiter(rate.Inf, 1), now: time.Now}
}

// wait waits for the turn of a request. One whose turn does not come in time waits
// all the same: its error ends the requests beside it, which are to have theirs.
// Otherwise many at a time would end each other before any is sent, for ever.
func (p *pace) wait(ctx context.Context, until time.Time) error {
	if p.limit.Limit() == rate.Inf {
		return nil
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if err := p.limit.Wait(ctx); err != nil {
		<-ctx.Done()
		return errors.New("it refused too many requests, and those that wait are slowed down")
	}
	return nil
}

// note counts a request that was answered.
func (p *pace) note(refused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Sub(p.last) > paceQuiet {
		p.since, p.asked, p.refused = now, 0, 0
	}
	p.last = now
	p.asked++
	if refused {
		p.refused++
	}
	past := now.Sub(p.since)
	if past < paceWindow || p.tooMany() && p.asked < paceSample {
		return
	}
	p.adapt(past)
	p.since, p.asked, p.refused = now, 0, 0
}

// tooMany reports whether more are refused in the window than is borne.
func (p *pace) tooMany() bool { return p.refused*3 > p.asked }

// adapt sets the limit from the window that ends.
func (p *pace) adapt(past time.Duration) {
	at := p.limit.Limit()
	if p.tooMany() {
		accepted := rate.Limit(float64(p.asked-p.refused) / past.Seconds())
		p.highest = max(16*rate.Limit(float64(p.asked)/past.Seconds()), 16*paceLeast)
		p.limit.SetLimit(max(paceLeast, min(at, paceAbove*accepted)))
		return
	}
	if at == rate.Inf {
		return
	}
	if at *= paceRecover; at > p.highest {
		at = rate.Inf
	}
	p.limit.SetLimit(at)
}
