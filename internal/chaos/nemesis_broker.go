package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/faultproxy"
)

// brokerNemeses take from workers what they consume from.
func brokerNemeses() []nemesis {
	return []nemesis{
		{name: "delete a consumer", strike: deleteConsumer, most: 3 * time.Second, miscounts: true},
		{name: "wipe jetstream", fits: oneNode, strike: wipeBroker, forgets: true, miscounts: true},
		{name: "delete the stream", strike: deleteStream, most: 300 * time.Millisecond, forgets: true, miscounts: true},
		{name: "purge the stream", strike: purgeStream, forgets: true, miscounts: true},
		{name: "reload the configuration of nats", strike: reloadNodes},
		{name: "nats sends an error that nobody knows", strike: sayError},
	}
}

// deleteStream deletes that of the jobs, with its consumers. It is made anew with the
// AckWait of the run before a worker does that.
func deleteStream(ctx context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	if err := s.js.DeleteStream(ctx, s.queue.StreamName()); err != nil {
		return nil, "", fmt.Errorf("delete the stream: %w", err)
	}
	return s.provision, "", nil
}

// purgeStream takes all messages off the queue, those too that are being worked on.
func purgeStream(ctx context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	stream, err := s.js.Stream(ctx, s.queue.StreamName())
	if err != nil {
		return nil, "", err
	}
	return nil, fmt.Sprintf("%d messages", stream.CachedInfo().State.Msgs), stream.Purge(ctx)
}

// reloadNodes has the servers read their configuration again.
func reloadNodes(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	var errs []error
	for _, x := range s.nodes {
		errs = append(errs, x.running().signal(syscall.SIGHUP))
	}
	return nil, "", errors.Join(errs...)
}

// sayError has the client library close connections for good, which it does on an
// error that it does not know.
func sayError(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	n := 0
	for _, x := range s.nodes {
		n += x.workers.Say("-ERR 'Chaos'\r\n")
	}
	return nil, fmt.Sprintf("%d connections", n), nil
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
