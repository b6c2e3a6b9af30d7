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
// not.
const (
	headerType = "Content-Type"
	headerJob  = "Specstar-Job"
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
	// reconnectLook is how often a broken connection is looked at.
	reconnectLook = 20 * time.Millisecond
)

// ErrQueueFull: the queue has reached its size limit and takes no more jobs
// until some are done.
var ErrQueueFull = errors.New("the queue is full")

// ErrTooLarge: a message is larger than the queue takes.
var ErrTooLarge = errors.New("the message is larger than the queue takes")

// ErrNoAnswer: the queue did not say in time whether it took a message.
var ErrNoAnswer = errors.New("the queue does not answer")

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

// Publish stores the messages and returns an answer for each, in their order.
// Many messages go as atomic batches, which the server syncs to disk as one.
func (p *Publisher) Publish(ctx context.Context, messages []jobs.Message) []jobs.Ack {
	acks := make([]jobs.Ack, len(messages))
	for from := 0; from < len(messages); {
		n := batchLen(messages[from:])
		if n < batchMin || !p.publishBatch(ctx, messages[from:from+n], acks[from:from+n]) {
			p.publishEach(ctx, messages[from:from+n], acks[from:from+n])
		}
		from += n
		if silent(acks[:from]) {
			refuse(acks[from:], acks[from-1].Err)
			break
		}
	}
	return acks
}

// silent reports whether the queue did not answer the last message: it would not
// answer others either.
func silent(acks []jobs.Ack) bool {
	return len(acks) > 0 && errors.Is(acks[len(acks)-1].Err, ErrNoAnswer)
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
		if silent(acks[:to]) {
			refuse(acks[to:], acks[to-1].Err)
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
		return jobs.Ack{Err: context.Cause(ctx)}
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

// Codes of the server: a stream at its limit, or its disk, refused a message; a
// message is larger than the stream's limit for one.
const (
	storeFailed = 10077
	tooLarge    = 10054
)

// publishError tells what was wrong and what helps.
func publishError(err error) error {
	api, refused := errors.AsType[*jetstream.APIError](err)
	switch {
	case err == nil:
		return nil
	case refused && api.ErrorCode == storeFailed:
		return fmt.Errorf("publish: %w: %s; try again when workers have done some jobs", ErrQueueFull, api.Description)
	case refused && api.ErrorCode == tooLarge, errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("publish: %w: use several jobs with fewer operations each (%w)", ErrTooLarge, err)
	case errors.Is(err, jetstream.ErrAsyncPublishTimeout):
		return fmt.Errorf("publish: %w: it is down, or its disk is full: free space and start its server again (%w)", ErrNoAnswer, err)
	}
	return fmt.Errorf("publish: %w", err)
}

// retryable reports whether sending once more may help.
func (p *Publisher) retryable(err error) bool {
	return err != nil && !errors.Is(err, ErrQueueFull) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrNoAnswer) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) &&
		!p.api.line.ended(err)
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
