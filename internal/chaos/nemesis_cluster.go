package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// clusterNemeses are about three servers.
func clusterNemeses() []nemesis {
	return []nemesis{
		{name: "kill the leader", fits: threeNodes, strike: killLeader, least: time.Second, most: 5 * time.Second, miscounts: true},
		{name: "stop the leader", fits: threeNodes, strike: stopLeader, least: 3 * time.Second, most: 15 * time.Second, miscounts: true},
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

// stopLeader is a partition: the node is there and says nothing to anybody.
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
