package faultproxy

import (
	"net"
	"sync"
	"time"
)

// chunk is how much is carried at once, in bytes.
const chunk = 16 << 10

// link is one connection through a proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	once sync.Once
	gone chan struct{} // closed when the connection is to end
	left int64         // bytes until it is cut, 0 for ever; guarded by the proxy's mu
}

// cut breaks both sides.
func (l *link) cut() {
	l.once.Do(func() {
		close(l.gone)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

// carry copies both ways until either side ends.
func (l *link) carry() {
	var up sync.WaitGroup
	up.Go(func() {
		l.pump(l.client, l.server, func(f Fault) bool { return f.StallUp }, nil)
		l.cut()
	})
	l.pump(l.server, l.client, func(f Fault) bool { return f.StallDown }, l.allowed)
	l.cut()
	up.Wait()
}

// pump copies one way. allowed, when not nil, says how many of n bytes may pass
// before the connection breaks.
func (l *link) pump(from, to net.Conn, stalled func(Fault) bool, allowed func(n int) int) {
	b := make([]byte, chunk)
	for {
		n, err := from.Read(b)
		if n > 0 {
			if !l.wait(stalled) {
				return
			}
			pass := n
			if allowed != nil {
				pass = allowed(n)
			}
			if _, werr := to.Write(b[:pass]); werr != nil || pass < n {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// wait returns when what was read may go on, and whether the connection is still
// there.
func (l *link) wait(stalled func(Fault) bool) bool {
	f, changed := l.proxy.state()
	if f.Latency > 0 {
		select {
		case <-time.After(f.Latency):
		case <-l.gone:
			return false
		}
	}
	for stalled(f) {
		select {
		case <-changed:
		case <-l.gone:
			return false
		}
		f, changed = l.proxy.state()
	}
	return true
}

// allowed returns how many of n bytes from the server still pass.
func (l *link) allowed(n int) int {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if l.left == 0 {
		return n
	}
	if int64(n) < l.left {
		l.left -= int64(n)
		return n
	}
	return int(l.left) - 1
}
