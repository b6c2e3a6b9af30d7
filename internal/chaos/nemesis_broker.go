package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/faultproxy"
)

// brokerNemeses take from workers what they consume from.
func brokerNemeses() []nemesis {
	return []nemesis{
		{name: "delete a consumer", strike: deleteConsumer, most: 3 * time.Second, miscounts: true},
		{name: "wipe jetstream", fits: oneNode, strike: wipeBroker, forgets: true, miscounts: true},
	}
}

// deleteConsumer deletes that of the saves; a worker or the heal makes it anew.
func deleteConsumer(ctx context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	const name = "normal-save"
	err := s.js.DeleteConsumer(ctx, s.queue.StreamName(), name)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil, "", fmt.Errorf("delete consumer %s: %w", name, err)
	}
	return s.provision, name, nil
}

// wipeBroker loses the disk of the only server while it holds jobs that cannot be
// written, and the workers that have them in hand. Whoever runs it makes the streams anew.
func wipeBroker(_ context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	s.database.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
	defer s.database.proxy.Set(faultproxy.Fault{})
	time.Sleep(between(r, 300*time.Millisecond, 3*time.Second))
	x := s.nodes[0]
	x.kill()
	for _, w := range s.fleet.slots {
		w.kill()
	}
	if err := x.wipe(); err != nil {
		return nil, "", err
	}
	return func(ctx context.Context) error { return errors.Join(x.start(), s.provision(ctx)) }, "the whole directory, and all workers", nil
}
