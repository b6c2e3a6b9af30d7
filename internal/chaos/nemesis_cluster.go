package chaos

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/specstar-worker/worker/internal/faultproxy"
)

// clusterNemeses are about three servers.
func clusterNemeses() []nemesis {
	return []nemesis{
		{name: "kill the leader", fits: threeNodes, strike: killLeader, least: time.Second, most: 5 * time.Second, miscounts: true},
		{name: "stop the leader", fits: threeNodes, strike: stopLeader, least: 3 * time.Second, most: 15 * time.Second, miscounts: true},
		{name: "part the leader", fits: threeNodes, strike: partLeader, least: 3 * time.Second, most: 15 * time.Second, miscounts: true},
		{name: "kill all nodes", fits: threeNodes, strike: killNodes, most: 2 * time.Second, miscounts: true},
		{name: "wipe a node", fits: threeNodes, strike: wipeNode, least: time.Second, most: 3 * time.Second, miscounts: true},
	}
}

func threeNodes(s *Stand) bool { return len(s.nodes) > 1 }

// leader returns the node that leads the stream of jobs.
func leader(ctx context.Context, s *Stand) (*node, error) {
	for deadline := time.Now().Add(startWithin); ; sleep(ctx, 200*time.Millisecond) {
		name := ""
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		stream, err := s.js.Stream(once, s.queue.StreamName())
		cancel()
		if err == nil && stream.CachedInfo().Cluster != nil {
			name = stream.CachedInfo().Cluster.Leader
		}
		for _, x := range s.nodes {
			if x.name == name {
				return x, nil
			}
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("nobody leads the stream: %w", err)
		}
	}
}

func killLeader(ctx context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	x, err := leader(ctx, s)
	if err != nil {
		return nil, "", err
	}
	x.kill()
	return func(context.Context) error { return x.start() }, x.name, nil
}

// partLeader cuts the leader off from the other nodes, and every other time from
// clients and workers, too: else these still reach one that believes to lead.
func partLeader(ctx context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	x, err := leader(ctx, s)
	if err != nil {
		return nil, "", err
	}
	ways, note := slices.Collect(maps.Values(x.routes)), x.name+" from the others"
	for _, other := range s.nodes {
		if p := other.routes[x.name]; p != nil {
			ways = append(ways, p)
		}
	}
	if r.IntN(2) == 0 {
		ways, note = append(ways, x.workers, x.clients), x.name+" from everybody"
	}
	heal, _, err := disturb(ways, faultproxy.Fault{StallUp: true, StallDown: true}, false)
	return heal, note, err
}

// stopLeader has the leader say nothing to anybody.
func stopLeader(ctx context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	x, err := leader(ctx, s)
	if err != nil {
		return nil, "", err
	}
	p := x.running()
	return func(context.Context) error { return p.signal(syscall.SIGCONT) }, x.name, p.signal(syscall.SIGSTOP)
}

func killNodes(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	for _, x := range s.nodes {
		x.kill()
	}
	return func(context.Context) error {
		for _, x := range s.nodes {
			if err := x.start(); err != nil {
				return err
			}
		}
		return nil
	}, "", nil
}

// wipeNode loses the disk of one: the others have all that it had.
func wipeNode(_ context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	x := s.nodes[r.IntN(len(s.nodes))]
	x.kill()
	if err := x.wipe(); err != nil {
		return nil, "", err
	}
	return func(context.Context) error { return x.start() }, x.name, nil
}
