package fakebroker

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// answerWait is how long the library waits for an answer when its caller does not say.
const answerWait = 5 * time.Second

// JetStream returns what manages streams over the connection: the part of it that a
// worker uses. Its other methods panic.
func (c *Conn) JetStream() jetstream.JetStream { return manager{conn: c} }

type manager struct {
	jetstream.JetStream
	conn *Conn
}

// ask has the server do something and returns what it says, which may be lost. Nobody
// answers while there is no leader.
func ask[T any](ctx context.Context, c *Conn, what Loss, do func(*Broker) (T, error)) (T, error) {
	var none T
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, answerWait)
		defer cancel()
	}
	var value T
	var failed error
	err := c.call(ctx, func() bool {
		if c.broker.nobody {
			return false
		}
		value, failed = do(c.broker)
		c.answers++
		return !c.broker.options.Lose(what, c.id(c.answers))
	})
	if err != nil {
		return none, err
	}
	return value, failed
}

// Options implements jetstream.JetStream.
func (m manager) Options() jetstream.JetStreamOptions { return jetstream.JetStreamOptions{} }

// Stream implements jetstream.JetStream.
func (m manager) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	return ask(ctx, m.conn, LoseAnswer, func(b *Broker) (jetstream.Stream, error) {
		s := b.streams[name]
		if s == nil {
			return nil, jetstream.ErrStreamNotFound
		}
		return streamManager{conn: m.conn, name: name, info: s.info()}, nil
	})
}

// CreateStream implements jetstream.JetStream.
func (m manager) CreateStream(ctx context.Context, config jetstream.StreamConfig) (jetstream.Stream, error) {
	return ask(ctx, m.conn, LoseAnswer, func(b *Broker) (jetstream.Stream, error) {
		if b.streams[config.Name] != nil {
			return nil, jetstream.ErrStreamNameAlreadyInUse
		}
		s := newStream(b, config)
		b.streams[config.Name] = s
		return streamManager{conn: m.conn, name: config.Name, info: s.info()}, nil
	})
}

// DeleteStream implements jetstream.JetStream.
func (m manager) DeleteStream(ctx context.Context, name string) error {
	_, err := ask(ctx, m.conn, LoseAnswer, func(b *Broker) (struct{}, error) {
		s := b.streams[name]
		if s == nil {
			return struct{}{}, jetstream.ErrStreamNotFound
		}
		for durable := range s.durables {
			s.deleteConsumer(durable)
		}
		delete(b.streams, name)
		return struct{}{}, nil
	})
	return err
}

// Conn implements jetstream.JetStream: there is none of the library's.
func (m manager) Conn() *nats.Conn { return nil }

// PublishMsg implements jetstream.JetStream, without its options: an id is in the
// header, or that there must be nothing on the subject.
func (m manager) PublishMsg(ctx context.Context, msg *nats.Msg, _ ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return ask(ctx, m.conn, LoseReceipt, func(b *Broker) (*jetstream.PubAck, error) {
		s := b.streamOf(msg.Subject)
		if s == nil {
			return nil, jetstream.ErrNoStreamResponse
		}
		if msg.Header.Get(jetstream.ExpectedLastSubjSeqHeader) == "0" && s.after(1, msg.Subject) != nil {
			return nil, &jetstream.APIError{ErrorCode: jetstream.JSErrCodeStreamWrongLastSequence, Code: 400}
		}
		sequence, duplicate := s.publish(msg.Subject, msg.Header, msg.Data)
		return &jetstream.PubAck{Stream: s.config.Name, Sequence: sequence, Duplicate: duplicate}, nil
	})
}

// streamManager is a stream that was looked up.
type streamManager struct {
	jetstream.Stream
	conn *Conn
	name string
	info *jetstream.StreamInfo
}

// CachedInfo implements jetstream.Stream.
func (m streamManager) CachedInfo() *jetstream.StreamInfo { return m.info }

// GetLastMsgForSubject implements jetstream.Stream for subjects that have one message.
func (m streamManager) GetLastMsgForSubject(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	return ask(ctx, m.conn, LoseAnswer, func(b *Broker) (*jetstream.RawStreamMsg, error) {
		s := b.streams[m.name]
		if s == nil {
			return nil, jetstream.ErrStreamNotFound
		}
		found := s.after(1, subject)
		if found == nil {
			return nil, jetstream.ErrMsgNotFound
		}
		return &jetstream.RawStreamMsg{Subject: found.subject, Sequence: found.sequence, Header: found.header, Data: found.data, Time: found.at}, nil
	})
}

// Consumer implements jetstream.Stream.
func (m streamManager) Consumer(ctx context.Context, name string) (jetstream.Consumer, error) {
	return ask(ctx, m.conn, LoseAnswer, func(b *Broker) (jetstream.Consumer, error) {
		d, err := b.durable(m.name, name)
		if err != nil {
			return nil, err
		}
		return durableManager{info: d.info()}, nil
	})
}

// CreateConsumer implements jetstream.Stream.
func (m streamManager) CreateConsumer(ctx context.Context, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return ask(ctx, m.conn, LoseAnswer, func(b *Broker) (jetstream.Consumer, error) {
		s := b.streams[m.name]
		if s == nil {
			return nil, jetstream.ErrStreamNotFound
		}
		if s.durables[config.Durable] != nil {
			return nil, jetstream.ErrConsumerExists
		}
		d := newDurable(s, config)
		s.durables[config.Durable] = d
		return durableManager{info: d.info()}, nil
	})
}

// DeleteConsumer implements jetstream.Stream.
func (m streamManager) DeleteConsumer(ctx context.Context, name string) error {
	_, err := ask(ctx, m.conn, LoseAnswer, func(b *Broker) (struct{}, error) {
		d, err := b.durable(m.name, name)
		if err == nil {
			d.stream.deleteConsumer(name)
		}
		return struct{}{}, err
	})
	return err
}

// durable looks a durable consumer up. The caller holds mu.
func (b *Broker) durable(stream, name string) (*durable, error) {
	s := b.streams[stream]
	if s == nil {
		return nil, jetstream.ErrStreamNotFound
	}
	if d := s.durables[name]; d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("%s: %w", name, jetstream.ErrConsumerNotFound)
}

// durableManager is a durable consumer that was looked up.
type durableManager struct {
	jetstream.Consumer
	info *jetstream.ConsumerInfo
}

// CachedInfo implements jetstream.Consumer.
func (m durableManager) CachedInfo() *jetstream.ConsumerInfo { return m.info }

// info is what the server says of the durable consumer.
func (d *durable) info() *jetstream.ConsumerInfo {
	return &jetstream.ConsumerInfo{
		Stream: d.stream.config.Name, Name: d.config.Durable, Created: d.created, Config: d.config,
		NumPending: d.stream.waiting(d.next, d.config.FilterSubject), NumAckPending: len(d.pending),
		NumRedelivered: len(d.again), NumWaiting: len(d.waiting),
	}
}
