package manager

import (
	"context"
	"sync"
	"time"
)

// Pace bounds how fast backfills and migrations go through rows: all that share it
// together. Without a rate it only makes them rest while a store is slow: they are
// never urgent, and others use it, too.
type Pace struct {
	each time.Duration // for a row; 0 for no rate

	mu    sync.Mutex
	next  time.Time     // when the next page may begin
	usual time.Duration // that writing a row takes
	slow  int           // pages in a row that were
}

// NewPace returns a pace of so many rows a second, 0 for no bound.
func NewPace(rows int) *Pace {
	p := &Pace{}
	if rows > 0 {
		p.each = time.Second / time.Duration(rows)
	}
	return p
}

// How a slow page is told from others, and what follows from it.
const (
	slowPage  = time.Second      // what is quicker is not slow
	slowBy    = 4                // times the usual
	longRest  = 30 * time.Second // the longest pause
	pageTimes = 5                // pages a second when there is a rate
)

// page returns how many rows make up a page, at most most: with a low rate few, so that
// a page is no burst.
func (p *Pace) page(most int) int {
	if p.each == 0 {
		return most
	}
	return max(1, min(most, int(time.Second/p.each)/pageTimes))
}

// wait waits until so many rows may be worked on.
func (p *Pace) wait(ctx context.Context, rows int) error {
	p.mu.Lock()
	now := time.Now()
	begin := p.next
	if begin.Before(now) {
		begin = now
	}
	p.next = begin.Add(time.Duration(rows) * p.each)
	p.mu.Unlock()
	if begin.Equal(now) {
		return ctx.Err()
	}
	timer := time.NewTimer(begin.Sub(now))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// took is told how long it took to write so many rows. After a page that was slow, by
// what is usual, nothing begins for as long again, and for twice as long after each
// further one. What stays slow becomes usual by and by.
func (p *Pace) took(rows int, d time.Duration) {
	if rows == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	each := d / time.Duration(rows)
	switch {
	case p.usual == 0:
		p.usual = each
	case d < slowPage || each < slowBy*p.usual:
		p.usual += (each - p.usual) / 8
		p.slow = 0
	default:
		rest := min(d<<min(p.slow, 10), longRest)
		p.slow++
		p.usual += p.usual / 4
		if until := time.Now().Add(rest); until.After(p.next) {
			p.next = until
		}
	}
}
