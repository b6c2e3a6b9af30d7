package consumer

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// message is a pulled message.
type message interface {
	Subject() string
	Data() []byte
	Header(key string) string
	// Headers returns all headers, to be read only.
	Headers() map[string][]string
	// Place says where and how often the message was handed out.
	Place() (place, error)
	Ack() error
	// DoubleAck acknowledges and waits until the server has confirmed it.
	DoubleAck(ctx context.Context) error
	// Nak has the message handed out again after delay, at once when it is 0.
	Nak(delay time.Duration) error
	// InProgress restarts the message's AckWait.
	InProgress() error
}

// place is where a message stands in its stream, when it was published and how
// often it was delivered.
type place struct {
	name      string // tells the message from those of all other streams
	epoch     int64  // of the stream, see epochOf
	sequence  uint64
	delivered int
	delivery  uint64 // its number among those of the durable consumer
	published time.Time
}

// pulled is a message from a JetStream server. The subscription it came by is
// gone by the time it is acknowledged, so that goes over the connection. Its pointer is
// the [message], which sets of messages tell apart quickly.
type pulled struct {
	msg    *nats.Msg
	link   Link
	stream string // its name and epoch
	epoch  int64
}

func (p *pulled) Subject() string          { return p.msg.Subject }
func (p *pulled) Data() []byte             { return p.msg.Data }
func (p *pulled) Header(key string) string { return p.msg.Header.Get(key) }

func (p *pulled) Headers() map[string][]string { return p.msg.Header }

func (p *pulled) Place() (place, error) {
	meta, err := p.msg.Metadata()
	if err != nil {
		return place{}, err
	}
	return place{
		name: p.stream + ":" + strconv.FormatUint(meta.Sequence.Stream, 10), epoch: p.epoch,
		sequence: meta.Sequence.Stream, delivered: int(meta.NumDelivered), delivery: meta.Sequence.Consumer, published: meta.Timestamp.UTC(),
	}, nil
}

func (p *pulled) Ack() error        { return p.link.Publish(p.msg.Reply, []byte("+ACK")) }
func (p *pulled) InProgress() error { return p.link.Publish(p.msg.Reply, []byte("+WPI")) }

func (p *pulled) DoubleAck(ctx context.Context) error {
	_, err := p.link.RequestWithContext(ctx, p.msg.Reply, []byte("+ACK"))
	return err
}

func (p *pulled) Nak(delay time.Duration) error {
	if delay <= 0 {
		return p.link.Publish(p.msg.Reply, []byte("-NAK"))
	}
	return p.link.Publish(p.msg.Reply, fmt.Appendf(nil, `-NAK {"delay": %d}`, delay.Nanoseconds()))
}
