package sim

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/fakebroker"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
)

// errDied is why a submitter sends nothing any more.
var errDied = errors.New("the submitter died")

// sender is the sending side of the queue, a jobs.Publisher.
type sender struct {
	conn   *fakebroker.Conn
	queue  consumer.QueueConfig
	broker *fakebroker.Broker
	dead   bool
}

// Queue implements jobs.Publisher.
func (s *sender) Queue() uuid.UUID { return s.queue.ID }

// Namespace implements jobs.Publisher.
func (s *sender) Namespace() string { return s.queue.Namespace }

// MaxMessage implements jobs.Publisher.
func (s *sender) MaxMessage() int { return jobs.MaxMessageBytes }

// Publish implements jobs.Publisher. Each message is sent twice when no answer comes.
func (s *sender) Publish(ctx context.Context, messages []jobs.Message) []jobs.Ack {
	acks := make([]jobs.Ack, len(messages))
	for i, m := range messages {
		for range 2 {
			if acks[i] = s.publish(ctx, m); acks[i].Err == nil {
				break
			}
		}
	}
	return acks
}

func (s *sender) publish(ctx context.Context, m jobs.Message) jobs.Ack {
	if s.dead {
		return jobs.Ack{Err: errDied}
	}
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	msg := &nats.Msg{Subject: m.Subject, Data: m.Body, Header: nats.Header{jetstream.MsgIDHeader: {m.ID}}}
	if m.Job != "" {
		msg.Header.Set("Specstar-Job", m.Job)
	}
	if m.Origin.Known() {
		msg.Header.Set("Specstar-Origin", m.Origin.String())
	}
	if !m.Submitted.IsZero() {
		msg.Header.Set("Specstar-Submitted", strconv.FormatInt(m.Submitted.UnixMicro(), 10))
	}
	ack, err := s.conn.JetStream().PublishMsg(ctx, msg)
	if err != nil {
		return jobs.Ack{Err: err}
	}
	return jobs.Ack{Sequence: ack.Sequence, Duplicate: ack.Duplicate}
}

// Epoch implements jobs.Publisher.
func (s *sender) Epoch(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	stream, err := s.conn.JetStream().Stream(ctx, s.queue.StreamName())
	if err != nil {
		return 0, err
	}
	return stream.CachedInfo().Created.UnixMicro(), nil
}

// Holds implements jobs.Publisher.
func (s *sender) Holds(ctx context.Context, places []jobs.Place) ([]bool, error) {
	epoch, err := s.Epoch(ctx)
	if err != nil {
		return nil, err
	}
	held := make([]bool, len(places))
	for i, p := range places {
		_, there := s.broker.Holds(s.queue.StreamName(), p.Sequence)
		held[i] = there && p.Epoch == epoch
	}
	return held, nil
}

// Waiting implements jobs.Publisher.
func (s *sender) Waiting(ctx context.Context, subject string) (uint64, error) {
	if _, err := s.Epoch(ctx); err != nil {
		return 0, err
	}
	return uint64(s.broker.Left(subject)), nil
}

// submit submits a job, again until it is taken.
func (w *world) submit(j Job) {
	s := &sender{conn: w.operator, queue: w.queue, broker: w.broker, dead: j.Unsent}
	submitter := jobs.NewSubmitter(w.factory.ID(), w.factory.Ledger(), s)
	for w.ctx.Err() == nil {
		_, err := submitter.Submit(w.ctx, j.envelope(w.Kinds[1]))
		if err == nil || errors.Is(err, errDied) {
			w.note("%s is submitted: %s %s", j.ID, j.Form, j.Resource)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// envelope is the job as it is submitted.
func (j Job) envelope(long jobs.Kind) jobs.Envelope {
	e := jobs.Envelope{ID: j.ID, User: "sim", Lane: j.Lane}
	switch {
	case !j.Long:
		op := operation(manager.OpUpdate, j.Resource, j.ID)
		if j.Form == Refused {
			op.ResourceID = resource.ID("nowhere")
		}
		e.Model, e.Args = model, jobs.Save{Operations: []manager.Operation{op}}
	case long == jobs.KindLoad:
		e.Args = jobs.Load{Source: "upload:" + j.ID}
	default:
		e.Args = jobs.Backfill{What: jobs.RevisionMeta, Models: []string{j.ID}}
	}
	return e
}
