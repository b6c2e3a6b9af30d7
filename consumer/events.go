package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
)

// Events are the events of a queue's store: a stream that forgets the oldest. They are
// safe for concurrent use.
type Events struct {
	// js is JetStream over the connection as it is now.
	js func() jetstream.JetStream
	q  QueueConfig
}

// NewEvents returns the events of a queue. The streams must be there, see
// [EnsureStreams].
func NewEvents(js jetstream.JetStream, q QueueConfig) *Events {
	return &Events{js: func() jetstream.JetStream { return js }, q: q.withDefaults()}
}

// NewLineEvents returns the events of a queue over a connection that lasts.
func NewLineEvents(l *Line, q QueueConfig) (*Events, error) {
	api, err := newAPI(l)
	if err != nil {
		return nil, fmt.Errorf("events of the queue: %w", err)
	}
	return &Events{js: api.get, q: q.withDefaults()}, nil
}

// Publish returns when the server has the event. One that it had within ten minutes it
// keeps once.
func (e *Events) Publish(ctx context.Context, event *jobs.Event) error {
	body, err := json.Marshal(event)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*ackTimeout)
	defer cancel()
	_, err = e.js().PublishMsg(ctx, &nats.Msg{
		Subject: event.Type.Subject(e.q.Namespace), Data: body,
		Header: nats.Header{jetstream.MsgIDHeader: {event.ID.String()}, headerType: {jobs.EventContentType}},
	})
	if errors.Is(err, jetstream.ErrNoStreamResponse) && e.q.Create {
		err = errors.Join(err, EnsureStreams(ctx, e.js(), e.q)) // for the next time
	}
	if err != nil {
		return fmt.Errorf("publish event %s %s: %w", event.Type, event.ID, err)
	}
	return nil
}
