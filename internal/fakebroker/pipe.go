package fakebroker

import (
	"sync"
	"time"
)

// pipe is one direction of a connection: what is sent arrives in order, after a delay.
// The broker's lock mu guards it and is held by those who call its methods.
type pipe struct {
	mu      *sync.Mutex
	delay   time.Duration
	queue   []parcel
	timer   *time.Timer
	stalled bool // nothing arrives
	cut     bool // and the connection is broken
}

// parcel is something on its way.
type parcel struct {
	at      time.Time
	arrived func()
}

// send has arrived called when it is the turn of what is sent, with the lock held.
func (p *pipe) send(arrived func()) {
	if p.delay == 0 && !p.stalled && len(p.queue) == 0 {
		arrived()
		return
	}
	p.queue = append(p.queue, parcel{time.Now().Add(p.delay), arrived})
	if len(p.queue) == 1 {
		p.wait()
	}
}

// wait waits for the first of the queue.
func (p *pipe) wait() {
	if p.stalled || len(p.queue) == 0 {
		return
	}
	d := max(time.Until(p.queue[0].at), 0)
	if p.timer == nil {
		p.timer = time.AfterFunc(d, p.arrive)
	} else {
		p.timer.Reset(d)
	}
}

// arrive is called by the timer.
func (p *pipe) arrive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for !p.stalled && len(p.queue) > 0 && !now.Before(p.queue[0].at) {
		first := p.queue[0]
		p.queue = p.queue[1:]
		first.arrived()
	}
	p.wait()
}

func (p *pipe) stall(cut bool) { p.stalled, p.cut = true, p.cut || cut }

func (p *pipe) resume() {
	p.stalled, p.cut = false, false
	p.wait()
}
