package fakebroker

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/consumer"
)

// Conn is a client's connection, a consumer.Link.
type Conn struct {
	broker   *Broker
	name     string
	number   int
	up, down pipe // to the server and from it
	subs     map[*sub]struct{}
	inboxes  int
	closed   bool

	pulls, acks, answers uint64 // count what can be lost
}

// Connect returns a connection. Each message takes delay in each direction.
func (b *Broker) Connect(name string, delay time.Duration) *Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns++
	c := &Conn{broker: b, name: name, number: b.conns, subs: make(map[*sub]struct{})}
	c.up, c.down = pipe{mu: &b.mu, delay: delay}, pipe{mu: &b.mu, delay: delay}
	return c
}

// id makes a number of this connection one of the broker.
func (c *Conn) id(n uint64) uint64 { return uint64(c.number)<<32 | n }

// Stall has nothing come through, in either direction, until Resume; nothing is lost.
func (c *Conn) Stall() {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	c.up.stall(false)
	c.down.stall(false)
}

// Cut breaks the connection until Resume: what is on its way is lost, what the client
// sends meanwhile is kept until then.
func (c *Conn) Cut() {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	c.cut()
}

func (c *Conn) cut() {
	c.up.stall(true)
	c.down.stall(true)
	c.down.queue, c.up.queue = nil, nil
	for s := range c.subs {
		s.leave()
	}
}

// Resume ends Stall and Cut. After a cut the client subscribes again before anything
// else is sent.
func (c *Conn) Resume() {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	if c.closed {
		return
	}
	if c.up.cut {
		for s := range c.subs {
			s.join()
		}
	}
	c.down.resume()
	c.up.resume()
}

// Close ends the connection for good; what is on its way is lost. The server forgets
// what the client listened to.
func (c *Conn) Close() {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	c.cut()
	c.closed = true
	for s := range c.subs {
		s.end(nats.ErrConnectionClosed)
	}
}

// NewInbox implements consumer.Link.
func (c *Conn) NewInbox() string {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	c.inboxes++
	return "_INBOX." + strconv.Itoa(c.number) + "." + strconv.Itoa(c.inboxes)
}

// SubscribeSync implements consumer.Link.
func (c *Conn) SubscribeSync(subject string) (consumer.Inbox, error) {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	if c.closed {
		return nil, nats.ErrConnectionClosed
	}
	return c.subscribe(subject), nil
}

// subscribe has the server send to an inbox. The caller holds mu.
func (c *Conn) subscribe(subject string) *sub {
	s := &sub{conn: c, subject: subject, more: make(chan struct{}, 1)}
	c.subs[s] = struct{}{}
	c.up.send(s.join)
	return s
}

// Publish implements consumer.Link.
func (c *Conn) Publish(subject string, data []byte) error {
	return c.PublishRequest(subject, "", data)
}

// PublishRequest implements consumer.Link.
func (c *Conn) PublishRequest(subject, reply string, data []byte) error {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	if c.closed {
		return nats.ErrConnectionClosed
	}
	c.up.send(func() { c.broker.request(c, subject, data, reply) })
	return nil
}

// RequestWithContext implements consumer.Link.
func (c *Conn) RequestWithContext(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	inbox := c.NewInbox()
	sub, err := c.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := c.PublishRequest(subject, inbox, data); err != nil {
		return nil, err
	}
	return sub.NextMsgWithContext(ctx)
}

// FlushTimeout implements consumer.Link.
func (c *Conn) FlushTimeout(d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	err := c.FlushWithContext(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nats.ErrTimeout
	}
	return err
}

// FlushWithContext implements consumer.Link.
func (c *Conn) FlushWithContext(ctx context.Context) error {
	return c.call(ctx, func() bool { return true })
}

// call has the server do something and waits for its answer, which does not come when do
// returns false.
func (c *Conn) call(ctx context.Context, do func() bool) error {
	c.broker.mu.Lock()
	if c.closed {
		c.broker.mu.Unlock()
		return nats.ErrConnectionClosed
	}
	done := make(chan struct{})
	c.up.send(func() {
		if do() {
			c.down.send(func() { close(done) })
		}
	})
	c.broker.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// IsConnected implements consumer.Link. A stalled connection looks well.
func (c *Conn) IsConnected() bool { return !c.IsReconnecting() && !c.IsClosed() }

// IsReconnecting implements consumer.Link.
func (c *Conn) IsReconnecting() bool {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	return c.up.cut && !c.closed
}

// IsClosed implements consumer.Link.
func (c *Conn) IsClosed() bool {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	return c.closed
}

// ForceReconnect implements consumer.Link. Behind a connection that is stalled nobody
// answers the dial: it is cut until Resume.
func (c *Conn) ForceReconnect() error {
	c.broker.mu.Lock()
	stalled := c.up.stalled
	c.cut()
	c.broker.mu.Unlock()
	if !stalled {
		c.Resume()
	}
	return nil
}
