package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
)

// EventFilter selects events. The zero value selects all that are there.
type EventFilter struct {
	// Types are types of events, in which * stands for a word: "load.*"; none for all.
	Types []string
	// Since is from when on; zero for the first that is there.
	Since time.Time
	// Follow waits for those that are yet to come.
	Follow bool
}

// consumerOf is the consumer that brings them in their order.
func (f EventFilter) consumerOf(q QueueConfig) jetstream.OrderedConsumerConfig {
	c := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	for _, t := range f.Types {
		c.FilterSubjects = append(c.FilterSubjects, jobs.EventType(t).Subject(q.Namespace))
	}
	if !f.Since.IsZero() {
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &f.Since
	}
	return c
}

// Read returns events in the order in which they were told. An event may come twice, with
// the same id. The end of ctx ends it without an error.
func (e *Events) Read(ctx context.Context, f EventFilter) iter.Seq2[jobs.Event, error] {
	return func(yield func(jobs.Event, error) bool) {
		err := e.read(ctx, f, func(event jobs.Event) bool { return yield(event, nil) })
		if err != nil && ctx.Err() == nil {
			yield(jobs.Event{}, fmt.Errorf("read events of stream %s: %w", e.q.EventsName(), err))
		}
	}
}

func (e *Events) read(ctx context.Context, f EventFilter, yield func(jobs.Event) bool) error {
	c, err := e.js().OrderedConsumer(ctx, e.q.EventsName(), f.consumerOf(e.q))
	if err != nil {
		return err
	}
	pending := c.CachedInfo().NumPending
	if pending == 0 && !f.Follow {
		return nil
	}
	messages, err := c.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for pending > 0 || f.Follow {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		at, err := m.Metadata()
		if err != nil {
			return err
		}
		pending = at.NumPending
		var event jobs.Event
		if json.Unmarshal(m.Data(), &event) != nil {
			continue // somebody else's
		}
		if !yield(event) {
			return nil
		}
	}
	return nil
}
