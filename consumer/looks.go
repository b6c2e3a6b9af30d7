package consumer

import (
	"sync"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/jobs"
)

// Looks tells the workers of a queue of each look for jobs whose time has come, so that a
// fleet looks as often as one worker does. What it tells is stored nowhere: whoever does
// not hear it looks for himself. It is safe for concurrent use.
type Looks struct {
	line  *Line
	q     QueueConfig
	me    string
	heard chan struct{}

	mu  sync.Mutex
	nc  *nats.Conn // that sub is of
	sub *nats.Subscription
}

var _ jobs.Others = (*Looks)(nil)

// NewLooks returns the looks of a queue's workers.
func NewLooks(l *Line, q QueueConfig) *Looks {
	return &Looks{line: l, q: q, me: uuid.NewString(), heard: make(chan struct{}, 1)}
}

// looksSubject is where looks are told; no stream keeps what is published there.
func (q QueueConfig) looksSubject() string { return "specstar." + q.Namespace + ".looks" }

// Looked tells the others of a look.
func (l *Looks) Looked() {
	if nc := l.listen(); nc.IsConnected() {
		_ = nc.Publish(l.q.looksSubject(), []byte(l.me)) // then the others look, too
	}
}

// Heard has a token when another worker has looked.
func (l *Looks) Heard() <-chan struct{} {
	l.listen()
	return l.heard
}

// Close ends listening.
func (l *Looks) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sub != nil {
		_ = l.sub.Unsubscribe() // the connection may be closed
	}
}

// listen subscribes, again when the line has another connection, which it returns.
func (l *Looks) listen() *nats.Conn {
	nc := l.line.Conn()
	l.mu.Lock()
	defer l.mu.Unlock()
	if nc == l.nc {
		return nc
	}
	sub, err := nc.Subscribe(l.q.looksSubject(), l.hear)
	if err == nil {
		l.nc, l.sub = nc, sub
	}
	return nc
}

func (l *Looks) hear(m *nats.Msg) {
	if string(m.Data) == l.me {
		return
	}
	select {
	case l.heard <- struct{}{}:
	default:
	}
}
