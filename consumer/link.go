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
	// IsConnected and IsReconnecting tell the state of the connection.
	IsConnected() bool
	IsReconnecting() bool
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

// natsLink is the connection of a client of NATS.
type natsLink struct{ *nats.Conn }

// SubscribeSync implements [Link].
func (l natsLink) SubscribeSync(subject string) (Inbox, error) {
	sub, err := l.Conn.SubscribeSync(subject)
	if err != nil {
		return nil, err
	}
	return sub, nil
}
