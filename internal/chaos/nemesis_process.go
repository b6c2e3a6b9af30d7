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
		{name: "kill a worker at a point", strike: killAtPoint, fits: func(s *Stand) bool { return s.config.Points != "" }},
		{
			name: "the clock of a worker jumps", strike: jumpClock, least: 4 * time.Second, most: 10 * time.Second,
			fits: func(s *Stand) bool { return s.config.Clock != "" },
		},
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

// pointWithin is how long a worker may take to come to the point where it is to die;
// some points are not on everybody's way.
const pointWithin = 10 * time.Second

// killAtPoint has a worker kill itself at one of the points.
func killAtPoint(ctx context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	names, _, err := points()
	if err != nil {
		return nil, "", err
	}
	name := names[r.IntN(len(names))]
	died, err := s.dieAt(ctx, r.IntN(len(s.fleet.slots)), name, 1+r.IntN(5), pointWithin)
	if !died {
		name += ": not reached"
	}
	return nil, name, err
}

// dieAt has the worker of a slot replaced by one that kills itself when it comes to a
// point for the n-th time, and reports whether it did in time; else it is killed.
func (s *Stand) dieAt(ctx context.Context, slot int, point string, n int, within time.Duration) (died bool, err error) {
	x := s.fleet.slots[slot]
	p, err := x.replace(launch{program: s.config.Points, env: []string{fmt.Sprintf("%s=%s:%d", pointVariable, point, n)}, doomed: true})
	if err != nil {
		return false, err
	}
	if point == "handing back" && x.ready(ctx, nil) {
		s.endFull(ctx, p)
	}
	select {
	case <-p.ended:
		return p.code() < 0, nil
	case <-time.After(within):
		p.kill()
		return false, nil
	}
}

// endFull asks a worker to end while its hands are full: the database is silent meanwhile.
func (s *Stand) endFull(ctx context.Context, p *process) {
	s.database.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
	defer s.database.proxy.Set(faultproxy.Fault{})
	sleep(ctx, time.Second)
	_ = p.signal(syscall.SIGTERM)
	sleep(ctx, time.Second)
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
