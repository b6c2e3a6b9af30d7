package fakebroker

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// sub is what comes to a subject that a client listens to, a consumer.Inbox. The
// broker's lock guards it.
type sub struct {
	conn    *Conn
	subject string
	queue   []*nats.Msg
	more    chan struct{} // holds a token when there may be something new
	ended   error
}

// join and leave tell the server whether the client listens.
func (s *sub) join()  { s.conn.broker.inboxes[s.subject] = s }
func (s *sub) leave() { delete(s.conn.broker.inboxes, s.subject) }

// put is called when a message has arrived.
func (s *sub) put(m *nats.Msg) {
	if s.ended == nil {
		s.queue = append(s.queue, m)
		s.wake()
	}
}

func (s *sub) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// end has the client get no more.
func (s *sub) end(why error) {
	if s.ended == nil {
		s.ended, s.queue = why, nil
		s.wake()
	}
	delete(s.conn.subs, s)
}

// NextMsgWithContext implements consumer.Inbox.
func (s *sub) NextMsgWithContext(ctx context.Context) (*nats.Msg, error) {
	for {
		m, err := s.next()
		if m != nil || err != nil {
			return m, err
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// NextMsg implements consumer.Inbox.
func (s *sub) NextMsg(d time.Duration) (*nats.Msg, error) {
	if m, err := s.next(); m != nil || err != nil {
		return m, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	m, err := s.NextMsgWithContext(ctx)
	if err != nil && ctx.Err() != nil {
		err = nats.ErrTimeout
	}
	return m, err
}

func (s *sub) next() (*nats.Msg, error) {
	s.conn.broker.mu.Lock()
	defer s.conn.broker.mu.Unlock()
	if len(s.queue) > 0 {
		m := s.queue[0]
		s.queue = s.queue[1:]
		if m.Header.Get("Status") == "503" {
			return nil, nats.ErrNoResponders // as the library does
		}
		return m, nil
	}
	return nil, s.ended
}

// Drain implements consumer.Inbox.
func (s *sub) Drain() error { return s.unsubscribe(false) }

// Unsubscribe implements consumer.Inbox.
func (s *sub) Unsubscribe() error { return s.unsubscribe(true) }

func (s *sub) unsubscribe(end bool) error {
	s.conn.broker.mu.Lock()
	defer s.conn.broker.mu.Unlock()
	if s.conn.closed {
		return nats.ErrConnectionClosed
	}
	if _, listens := s.conn.subs[s]; listens {
		delete(s.conn.subs, s)
		s.conn.up.send(s.leave)
	}
	if end {
		s.end(nats.ErrBadSubscription)
	}
	return nil
}
