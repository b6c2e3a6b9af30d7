package faultproxy

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// Fault is what a proxy does to all of its connections. The zero value is none.
type Fault struct {
	// Latency delays what is carried, each way.
	Latency time.Duration
	// StallUp holds back what clients send, StallDown what the server answers, as a
	// network does that loses every packet: when the fault ends it arrives.
	StallUp, StallDown bool
	// CutAfter breaks each connection after the server has sent so many more bytes
	// on it; 0 never does.
	CutAfter int64
	// Refuse closes new connections at once.
	Refuse bool
}

// Proxy listens on the loopback address and carries connections to a server.
type Proxy struct {
	listener net.Listener
	target   func() (network, address string)
	wg       sync.WaitGroup

	mu      sync.Mutex
	fault   Fault
	changed chan struct{} // closed and replaced when the fault changes
	links   map[*link]struct{}
	closed  bool
}

// Start starts a proxy. target is asked for every connection where the server is
// now, so that it may come back at another place.
func Start(target func() (network, address string)) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a proxy: %w", err)
	}
	p := &Proxy{listener: l, target: target, changed: make(chan struct{}), links: map[*link]struct{}{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr returns where it listens: "127.0.0.1:PORT".
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set replaces the fault; connections that exist have it too.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	for l := range p.links {
		l.left = f.CutAfter
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut breaks all connections and returns how many there were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
	return len(p.links)
}

// Say sends clients something in the name of the server, between two pieces of what
// that sends, and returns to how many. A connection on which the server is silent gets
// it whole.
func (p *Proxy) Say(text string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if _, err := l.client.Write([]byte(text)); err == nil {
			n++
		}
	}
	return n
}

// Close ends all connections and waits until nothing runs any more.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Set(Fault{})
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

// serve carries one connection to its end.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	if f, _ := p.state(); f.Refuse {
		return
	}
	server, err := net.Dial(p.target())
	if err != nil {
		return
	}
	defer server.Close()
	l := &link{proxy: p, client: client, server: server, gone: make(chan struct{})}
	if !p.add(l) {
		return
	}
	defer p.remove(l)
	l.carry()
}

// state returns the fault, and a channel that is closed when it changes.
func (p *Proxy) state() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	l.left = p.fault.CutAfter
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}
