package consumer

import (
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Line is a connection to the queue that lasts. The library closes one for good when
// the server sends an error that it does not know, whatever it was told about
// reconnecting; a line has another made then. It is safe for concurrent use.
type Line struct {
	dial func(why error) (*nats.Conn, error)

	mu     sync.Mutex
	nc     *nats.Conn
	dialed time.Time // when another was last asked for
	closed bool
}

// NewLine returns a line over nc. dial is told why the connection was closed and
// makes another; without it a connection that was closed stays so.
func NewLine(nc *nats.Conn, dial func(why error) (*nats.Conn, error)) *Line {
	return &Line{dial: dial, nc: nc}
}

// Conn returns the connection as it is now: closed only after Close, or while no
// other can be made.
func (l *Line) Conn() *nats.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.nc.IsClosed() || !l.lasts() || time.Since(l.dialed) < redial {
		return l.nc
	}
	l.dialed = time.Now()
	if nc, err := l.dial(l.nc.LastError()); err == nil {
		l.nc = nc
	}
	return l.nc
}

// Close closes the connection for good.
func (l *Line) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.nc.Close()
}

// lasts reports whether another connection may be made. The caller holds mu.
func (l *Line) lasts() bool { return l.dial != nil && !l.closed }

// ended reports whether err means that there will be no connection any more. The
// library says "connection closed" of one that it makes anew as well, to whoever
// waited for an answer on it.
func (l *Line) ended(err error) bool {
	return errors.Is(err, nats.ErrConnectionClosed) && l.isClosed()
}

func (l *Line) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nc.IsClosed() && !l.lasts()
}

// api is JetStream over the connection that a line has now.
type api struct {
	line *Line
	opts []jetstream.JetStreamOpt

	mu sync.Mutex
	js jetstream.JetStream
}

// newAPI returns the API over a line.
func newAPI(line *Line, opts ...jetstream.JetStreamOpt) (*api, error) {
	js, err := jetstream.New(line.Conn(), opts...)
	if err != nil {
		return nil, err
	}
	return &api{line: line, opts: opts, js: js}, nil
}

// get returns it.
func (a *api) get() jetstream.JetStream {
	nc := a.line.Conn()
	a.mu.Lock()
	defer a.mu.Unlock()
	if nc == a.js.Conn() {
		return a.js
	}
	if js, err := jetstream.New(nc, a.opts...); err == nil { // the options were right before
		a.js = js
	}
	return a.js
}
