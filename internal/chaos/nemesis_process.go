package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/specstar-worker/worker/internal/faultproxy"
	"github.com/specstar-worker/worker/internal/pgtest"
)

// processNemeses end and stop processes.
func processNemeses() []nemesis {
	return []nemesis{
		{name: "kill a worker", strike: killWorker},
		{name: "kill all workers", strike: killWorkers},
		{name: "kill all workers while postgres is in a black hole", strike: killStalled},
		{name: "stop a worker", strike: stopWorker, least: time.Second, most: 12 * time.Second},
		{name: "restart all workers in turn", strike: restartWorkers},
		{name: "kill nats", fits: oneNode, strike: killNode, most: time.Second, miscounts: true},
		{name: "kill postgres", strike: killDatabase},
	}
}

func oneNode(s *Stand) bool { return len(s.nodes) == 1 }

func killWorker(_ context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	i := r.IntN(len(s.fleet.slots))
	s.fleet.slots[i].kill()
	return nil, fmt.Sprint("worker ", i+1), nil
}

func killWorkers(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	for _, x := range s.fleet.slots {
		x.kill()
	}
	return nil, "", nil
}

// killStalled kills workers whose hands are full of what cannot be written.
func killStalled(ctx context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	s.database.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
	time.Sleep(between(r, 300*time.Millisecond, 2*time.Second))
	_, _, err := killWorkers(ctx, s, r)
	s.database.proxy.Set(faultproxy.Fault{})
	return nil, "", err
}

// stopWorker makes a zombie of a worker: it believes in its claims when it goes on.
func stopWorker(_ context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	i := r.IntN(len(s.fleet.slots))
	p := s.fleet.slots[i].current()
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return nil, "", err
	}
	return func(context.Context) error { return p.signal(syscall.SIGCONT) }, fmt.Sprint("worker ", i+1), nil
}

// restartWorkers is what a rolling deployment does.
func restartWorkers(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	for _, x := range s.fleet.slots {
		if err := x.current().stop(stopWithin); err != nil {
			return nil, "", fmt.Errorf("%w\n%s", err, tail(x.log))
		}
		time.Sleep(2 * restartAfter)
	}
	return nil, "", nil
}

func killNode(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	s.nodes[0].kill()
	return func(context.Context) error { return s.nodes[0].start() }, "", nil
}

// killDatabase ends the server as a crash does; it recovers from its log.
func killDatabase(ctx context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	return nil, "", s.database.server.Restart(ctx, pgtest.Immediate)
}
