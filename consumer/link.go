package consumer

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// Link is what loops use of a connection to NATS: messages come over it and are
// acknowledged over it. The methods are those of [*nats.Conn]. What is managed, as
// durable consumers, is [Config.JetStream]'s.
type Link interface {
	// NewInbox returns a subject that nobody else uses.
	NewInbox() string
	// SubscribeSync subscribes to what is sent to a subject.
	SubscribeSync(subject string) (Inbox, error)
	// Publish sends a message and does not wait for anything.
	Publish(subject string, data []byte) error
	// PublishRequest is Publish for a message that is to be answered to a subject.
	PublishRequest(subject, reply string, data []byte) error
	// RequestWithContext sends a message and waits for its answer.
	RequestWithContext(ctx context.Context, subject string, data []byte) (*nats.Msg, error)
	// FlushTimeout waits until the server has dealt with everything that was sent and
	// what it had sent before is here; FlushWithContext too.
	FlushTimeout(d time.Duration) error
	FlushWithContext(ctx context.Context) error
	// IsConnected, IsReconnecting and IsClosed tell the state of the connection. One
	// that is closed stays so.
	IsConnected() bool
	IsReconnecting() bool
	IsClosed() bool
	// ForceReconnect dials anew.
	ForceReconnect() error
}

// Inbox is what comes to a subscribed subject. The methods are those of
// [*nats.Subscription].
type Inbox interface {
	// NextMsgWithContext waits for the next message.
	NextMsgWithContext(ctx context.Context) (*nats.Msg, error)
	// NextMsg waits for the next message at most for d.
	NextMsg(d time.Duration) (*nats.Msg, error)
	// Drain ends the subscription at the server; what it had sent can still be had.
	Drain() error
	// Unsubscribe ends the subscription.
	Unsubscribe() error
}

// lineLink is the connection that a line has now.
type lineLink struct{ line *Line }

// NewInbox implements [Link], as do the methods that follow.
func (l lineLink) NewInbox() string { return l.line.Conn().NewInbox() }

func (l lineLink) SubscribeSync(subject string) (Inbox, error) {
	sub, err := l.line.Conn().SubscribeSync(subject)
	if err != nil {
		return nil, err
	}
	return sub, nil
}

func (l lineLink) Publish(subject string, data []byte) error {
	return l.line.Conn().Publish(subject, data)
}

func (l lineLink) PublishRequest(subject, reply string, data []byte) error {
	return l.line.Conn().PublishRequest(subject, reply, data)
}

func (l lineLink) RequestWithContext(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	return l.line.Conn().RequestWithContext(ctx, subject, data)
}

func (l lineLink) FlushTimeout(d time.Duration) error { return l.line.Conn().FlushTimeout(d) }

func (l lineLink) FlushWithContext(ctx context.Context) error {
	return l.line.Conn().FlushWithContext(ctx)
}

func (l lineLink) IsConnected() bool     { return l.line.Conn().IsConnected() }
func (l lineLink) IsReconnecting() bool  { return l.line.Conn().IsReconnecting() }
func (l lineLink) IsClosed() bool        { return l.line.isClosed() }
func (l lineLink) ForceReconnect() error { return l.line.Conn().ForceReconnect() }
