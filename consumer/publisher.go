package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
)

// Headers of our messages, besides Nats-Msg-Id: headerJob names the job where that does
// not, and headerOrigin says where the message of a job was first.
const (
	headerType   = "Content-Type"
	headerJob    = "Specstar-Job"
	headerOrigin = "Specstar-Origin"
	// headerSubmitted is when the queue first had the job of a message that is not its
	// first, in microseconds of unix time.
	headerSubmitted = "Specstar-Submitted"
)

const (
	// publishWindow is how many messages may be on their way unacknowledged.
	publishWindow = 256
	// publishWait is how long an answer is waited for, and room in a full window;
	// the library's 200 ms are too short for a disk that syncs every message.
	publishWait = 15 * time.Second
	// publishTries is how often a message is sent; its id makes that safe.
	publishTries = 3
	// headerBytes is what the headers of a message have at most.
	headerBytes = 1 << 10
	// reconnectLook is how often a broken connection is looked at.
	reconnectLook = 20 * time.Millisecond
)

// Publisher is the sending side of a JetStream queue. It implements
// jobs.Publisher and is safe for concurrent use.
type Publisher struct {
	api  *api
	q    QueueConfig
	wait time.Duration
}

// js is JetStream over the connection as it is now.
func (p *Publisher) js() jetstream.JetStream { return p.api.get() }

// NewPublisher returns a publisher over nc. The streams must be there, see
// [EnsureStreams].
func NewPublisher(nc *nats.Conn, q QueueConfig) (*Publisher, error) {
	if nc == nil {
		return nil, ErrNoQueue
	}
	return newPublisher(NewLine(nc, nil), q, publishWait)
}

// NewLinePublisher returns a publisher over a connection that lasts.
func NewLinePublisher(l *Line, q QueueConfig) (*Publisher, error) {
	return newPublisher(l, q, publishWait)
}

func newPublisher(l *Line, q QueueConfig, wait time.Duration) (*Publisher, error) {
	api, err := newAPI(l,
		jetstream.WithPublishAsyncMaxPending(publishWindow), jetstream.WithPublishAsyncTimeout(wait))
	if err != nil {
		return nil, fmt.Errorf("publish to the queue: %w", err)
	}
	return &Publisher{api: api, q: q.withDefaults(), wait: wait}, nil
}

// Queue returns the queue's id.
func (p *Publisher) Queue() uuid.UUID { return p.q.ID }

// Namespace returns the queue's namespace.
func (p *Publisher) Namespace() string { return p.q.Namespace }

// MaxMessage returns how long the body of a message may be, in bytes: less than what
// the server takes, since headers come on top.
func (p *Publisher) MaxMessage() int {
	most := int64(maxMessage)
	if server := p.api.line.Conn().MaxPayload(); server > 0 { // 0 before the first connection
		most = min(most, server)
	}
	return int(most) - headerBytes
}

// Publish stores the messages and returns an answer for each, in their order.
// Many messages go as atomic batches, which the server syncs to disk as one.
func (p *Publisher) Publish(ctx context.Context, messages []jobs.Message) []jobs.Ack {
	acks := make([]jobs.Ack, len(messages))
	ctx, end := p.whileAllowed(ctx)
	defer end()
	for from := 0; from < len(messages); {
		n := batchLen(messages[from:])
		if !worthBatch(messages[from:from+n]) || !p.publishBatch(ctx, messages[from:from+n], acks[from:from+n]) {
			p.publishEach(ctx, messages[from:from+n], acks[from:from+n])
		}
		from += n
		if err := hopeless(acks[from-n : from]); err != nil {
			refuse(acks[from:], err)
			break
		}
	}
	return acks
}

// hopeless returns why a message was not taken when others would not be, either: the
// queue does not answer, is full or not for us. What comes later must not overtake it.
func hopeless(acks []jobs.Ack) error {
	for _, a := range acks {
		if errors.Is(a.Err, ErrNoAnswer) || errors.Is(a.Err, ErrQueueFull) || errors.Is(a.Err, ErrForbidden) {
			return a.Err
		}
	}
	return nil
}

func refuse(acks []jobs.Ack, err error) {
	for i := range acks {
		acks[i].Err = err
	}
}

// publishEach sends messages one by one, a window of them at a time.
func (p *Publisher) publishEach(ctx context.Context, messages []jobs.Message, acks []jobs.Ack) {
	for from := 0; from < len(messages); from += publishWindow {
		to := min(from+publishWindow, len(messages))
		p.publishSome(ctx, messages[from:to], acks[from:to])
		if err := hopeless(acks[from:to]); err != nil {
			refuse(acks[to:], err)
			return
		}
	}
}

// publishSome sends as many messages as the window takes, again where that may help.
func (p *Publisher) publishSome(ctx context.Context, messages []jobs.Message, acks []jobs.Ack) {
	pending := make([]int, len(messages))
	for i := range pending {
		pending[i] = i
	}
	for try := range publishTries {
		if !p.connected(ctx) {
			for _, at := range pending {
				acks[at] = jobs.Ack{Err: fmt.Errorf("publish: %w: the connection to it is broken", ErrNoAnswer)}
			}
			return
		}
		pending = p.publishOnce(ctx, messages, acks, pending)
		if len(pending) == 0 || ctx.Err() != nil {
			return
		}
		pause(ctx, time.Duration(try+1)*100*time.Millisecond)
	}
}

// connected waits for a broken connection to come back, at most as long as for an
// answer, and returns false when it does not. One that was closed for good does not
// come back: sending says so.
func (p *Publisher) connected(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	for {
		switch p.js().Conn().Status() {
		case nats.RECONNECTING, nats.CONNECTING, nats.DISCONNECTED:
		case nats.CLOSED:
			if p.api.line.ended(nats.ErrConnectionClosed) {
				return true
			}
		default:
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		pause(ctx, reconnectLook)
	}
}

// publishOnce sends the messages at the given places and returns the places
// that are worth another try.
func (p *Publisher) publishOnce(ctx context.Context, messages []jobs.Message, acks []jobs.Ack, places []int) (again []int) {
	futures := make([]jetstream.PubAckFuture, len(places))
	for i, at := range places {
		var err error
		futures[i], err = p.js().PublishMsgAsync(p.message(messages[at]), jetstream.WithStallWait(p.wait))
		if err != nil && !errors.Is(err, nats.ErrConnectionClosed) && p.js().Conn().IsClosed() {
			err = fmt.Errorf("%w: %w", nats.ErrConnectionClosed, err) // the library does not wrap it everywhere
		}
		acks[at] = jobs.Ack{Err: publishError(err)}
	}
	for i, at := range places {
		if futures[i] != nil {
			acks[at] = await(ctx, futures[i])
		}
		if p.retryable(acks[at].Err) {
			again = append(again, at)
		}
	}
	return again
}

func await(ctx context.Context, f jetstream.PubAckFuture) jobs.Ack {
	select {
	case ack := <-f.Ok():
		return jobs.Ack{Duplicate: ack.Duplicate, Sequence: ack.Sequence}
	case err := <-f.Err():
		return jobs.Ack{Err: publishError(err)}
	case <-ctx.Done():
		return jobs.Ack{Err: publishError(context.Cause(ctx))}
	}
}

func (p *Publisher) message(m jobs.Message) *nats.Msg {
	msg := &nats.Msg{Subject: m.Subject, Data: m.Body, Header: nats.Header{}}
	if m.ID != "" {
		msg.Header.Set(jetstream.MsgIDHeader, m.ID)
	}
	if m.Job != "" {
		msg.Header.Set(headerJob, m.Job)
	}
	if m.Origin.Known() {
		msg.Header.Set(headerOrigin, m.Origin.String())
	}
	if !m.Submitted.IsZero() {
		msg.Header.Set(headerSubmitted, strconv.FormatInt(m.Submitted.UnixMicro(), 10))
	}
	if form := jobs.FormOf(m.Body); form != jobs.FormJSON { // which no header means
		msg.Header.Set(headerType, string(form))
	}
	return msg
}

// Waiting returns how many messages of a subject the queue holds.
func (p *Publisher) Waiting(ctx context.Context, subject string) (uint64, error) {
	s, err := p.js().Stream(ctx, p.q.StreamName())
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", p.q.StreamName(), err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", p.q.StreamName(), err)
	}
	return info.State.Subjects[subject], nil
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
