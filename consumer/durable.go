package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
)

// durable is one durable pull consumer: a lane and a kind.
type durable struct {
	lane jobs.Lane
	kind jobs.Kind
}

func (d durable) name() string { return string(d.lane) + "-" + string(d.kind) }

func durables() []durable {
	var all []durable
	for _, l := range jobs.Lanes() {
		for _, k := range jobs.Kinds() {
			all = append(all, durable{l, k})
		}
	}
	return all
}

// consumed are the durable consumers that c pulls from.
func (c Config) consumed() []durable {
	return slices.DeleteFunc(durables(), func(d durable) bool {
		return c.Lanes != nil && !slices.Contains(c.Lanes, d.lane) || c.Kinds != nil && !slices.Contains(c.Kinds, d.kind)
	})
}

// Durables returns how many durable consumers a queue has: one for each lane and kind.
func Durables() int { return len(durables()) }

// savesPending is how many saves of a lane may be unacknowledged at the server.
// Saves are written faster than it takes their acknowledgements in, see the
// package's documentation; this many may be ahead. At 400 acknowledgements a
// second it takes in the last of them before AckWait is over.
const savesPending = 20_000

// chunksPending is how many chunks of a lane may be unacknowledged: a few for each of a
// thousand workers.
const chunksPending = 4096

// config is the server side of d. There is no BackOff, which would replace
// AckWait, and no limit of deliveries, which would park messages out of reach.
func (d durable) config(q QueueConfig, ackWait time.Duration) jetstream.ConsumerConfig {
	pending := 64
	switch d.kind {
	case jobs.KindSave:
		pending = savesPending
	case jobs.KindChunk:
		pending = chunksPending
	}
	return jetstream.ConsumerConfig{
		Durable: d.name(), FilterSubject: d.subject(q),
		DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: ackWait, MaxDeliver: -1, MaxAckPending: pending,
		Metadata: map[string]string{metadataStore: q.Store.String()},
	}
}

// bound is a durable consumer that was found or made.
type bound struct {
	source  source
	ackWait time.Duration
	pending int // how many messages may be unacknowledged
}

// bind finds the durable consumer, or makes it when that is allowed.
func (d durable) bind(ctx context.Context, c Config) (bound, error) {
	want := d.config(c.Queue, c.AckWait)
	stream, err := c.js().Stream(ctx, c.Queue.StreamName())
	if err != nil {
		return bound{}, fmt.Errorf("stream %s: %w", c.Queue.StreamName(), c.Queue.missing(err))
	}
	cons, err := stream.Consumer(ctx, d.name())
	if errors.Is(err, jetstream.ErrConsumerNotFound) && c.Queue.Create {
		cons, err = stream.CreateConsumer(ctx, want)
		if errors.Is(err, jetstream.ErrConsumerExists) {
			cons, err = stream.Consumer(ctx, d.name())
		}
	}
	if err != nil {
		return bound{}, fmt.Errorf("durable consumer %s: %w", d.name(), c.Queue.missing(err))
	}
	have := cons.CachedInfo().Config
	if err := compareDurable(have, want); err != nil {
		return bound{}, &settingError{fmt.Errorf("durable consumer %s: %w", d.name(), err)}
	}
	return bound{source: newPuller(c, stream, d.name()), ackWait: have.AckWait, pending: have.MaxAckPending}, nil
}

// settingError is a setting that only an operator can put right.
type settingError struct{ error }

func (e *settingError) Unwrap() error { return e.error }

func compareDurable(have, want jetstream.ConsumerConfig) error {
	switch {
	case have.FilterSubject != want.FilterSubject:
		return fmt.Errorf("filter is %q, must be %q", have.FilterSubject, want.FilterSubject)
	case have.AckPolicy != want.AckPolicy:
		return fmt.Errorf("acknowledgement is %s, must be %s", have.AckPolicy, want.AckPolicy)
	case have.DeliverPolicy != want.DeliverPolicy:
		return fmt.Errorf("deliver policy is %s, must be %s: older messages would never come", have.DeliverPolicy, want.DeliverPolicy)
	case len(have.PriorityGroups) > 0:
		return fmt.Errorf("priority_groups is %v, must be none: pulls without a group bring nothing", have.PriorityGroups)
	case have.HeadersOnly:
		return errors.New("headers_only is set, must not be: jobs would come without their contents")
	case have.MaxRequestExpires > 0 && have.MaxRequestExpires < fetchWait:
		return fmt.Errorf("max_expires is %s, must be 0 or at least %s", have.MaxRequestExpires, fetchWait)
	case have.MaxRequestMaxBytes > 0 && have.MaxRequestMaxBytes < minFetchBytes:
		return fmt.Errorf("max_bytes is %d, must be 0 or at least %d: the largest job would never come", have.MaxRequestMaxBytes, minFetchBytes)
	case have.MaxDeliver > 0:
		return fmt.Errorf("max_deliver is %d, must be -1: messages would be parked out of reach", have.MaxDeliver)
	case len(have.BackOff) > 0:
		return fmt.Errorf("backoff is %v, must be none: it would replace ack_wait", have.BackOff)
	case have.InactiveThreshold != 0:
		return fmt.Errorf("inactive_threshold is %s, must be 0: the server would delete an idle consumer", have.InactiveThreshold)
	}
	return nil
}

// renew deletes the durable consumers that a former owner left behind, which one
// that ends in good order does not, see [durable.remove]. Loops of those count the
// messages up to the stream's last sequence as delivered before: the former owner
// may have been handed any of them, since the server writes down with a delay which
// ones it was.
func renew(ctx context.Context, c Config, loops []*loop) error {
	stream, err := c.js().Stream(ctx, c.Queue.StreamName())
	if err != nil {
		return fmt.Errorf("stream %s: %w", c.Queue.StreamName(), err)
	}
	if stream.CachedInfo().State.Consumers == 0 {
		return nil
	}
	for _, l := range loops {
		err := stream.DeleteConsumer(ctx, l.name())
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("renew durable consumer %s: %w", l.name(), err)
		}
		l.former = stream.CachedInfo().State.LastSeq
	}
	return nil
}

// How the end of the server's work on acknowledgements is waited for: at most
// settleMax, until none is missing or for settleStill asks none has come.
const (
	settleMax   = 5 * time.Second
	settleEvery = 20 * time.Millisecond
	settleStill = 15
)

// settle waits until the server has taken the acknowledgements that were sent.
// It works them off one by one, each synced to disk; what it has not reached when
// it ends would be delivered to the next owner again. Messages that were handed
// back stay pending and are not waited for.
func (d durable) settle(ctx context.Context, js jetstream.JetStream, q QueueConfig) {
	cons, err := js.Consumer(ctx, q.StreamName(), d.name())
	if err != nil {
		return
	}
	pending, still := cons.CachedInfo().NumAckPending, 0
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for pending > 0 && still < settleStill {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		info, err := cons.Info(ctx)
		if err != nil {
			return
		}
		if still++; info.NumAckPending < pending {
			still = 0
		}
		pending = info.NumAckPending
	}
}

// remove deletes the durable consumer of an owner that ends in good order: every
// attempt that counts is in the ledger. When it fails, attempts are counted that
// were not made, which does no harm.
func (d durable) remove(ctx context.Context, js jetstream.JetStream, q QueueConfig) {
	_ = js.DeleteConsumer(ctx, q.StreamName(), d.name())
}
