package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/specstar-worker/worker/internal/faultproxy"
)

// networkNemeses disturb what workers hear and say. Clients have other ways.
func networkNemeses() []nemesis {
	seconds := func(name string, fault faultproxy.Fault, cut bool, to func(*Stand) []*faultproxy.Proxy) nemesis {
		return nemesis{
			name: name, least: time.Second, most: 8 * time.Second,
			fits: func(s *Stand) bool { return len(to(s)) > 0 },
			strike: func(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
				return disturb(to(s), fault, cut)
			},
		}
	}
	slow := faultproxy.Fault{Latency: 50 * time.Millisecond}
	hole := faultproxy.Fault{StallUp: true, StallDown: true}
	all := []nemesis{
		seconds("latency to nats", slow, false, toBroker),
		seconds("latency to postgres", slow, false, toDatabase),
		seconds("latency to s3", slow, false, toObjects),
		seconds("nats unreachable", faultproxy.Fault{Refuse: true}, true, toBroker),
		seconds("postgres unreachable", faultproxy.Fault{Refuse: true}, true, toDatabase),
		seconds("nats in a black hole", hole, false, toBroker),
		seconds("postgres in a black hole", hole, false, toDatabase),
		seconds("nats hears nothing", faultproxy.Fault{StallUp: true}, false, toBroker),
		seconds("nats is not heard", faultproxy.Fault{StallDown: true}, false, toBroker),
		seconds("postgres is not heard", faultproxy.Fault{StallDown: true}, false, toDatabase),
	}
	return append(all, cutting("nats", toBroker), cutting("postgres", toDatabase))
}

// cutting breaks connections at some byte of what a server sends.
func cutting(name string, to func(*Stand) []*faultproxy.Proxy) nemesis {
	return nemesis{
		name: name + " cut after some bytes", least: time.Second, most: 5 * time.Second,
		strike: func(_ context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
			n := 1 + r.Int64N(20_000)
			heal, _, err := disturb(to(s), faultproxy.Fault{CutAfter: n}, false)
			return heal, fmt.Sprintf("after %d bytes from the server", n), err
		},
	}
}

// disturb sets a fault, breaks connections when cut says so, and returns what ends it.
func disturb(proxies []*faultproxy.Proxy, fault faultproxy.Fault, cut bool) (func(context.Context) error, string, error) {
	for _, p := range proxies {
		p.Set(fault)
		if cut {
			p.Cut()
		}
	}
	return func(context.Context) error {
		for _, p := range proxies {
			p.Set(faultproxy.Fault{})
		}
		return nil
	}, "", nil
}

func toBroker(s *Stand) (all []*faultproxy.Proxy) {
	for _, x := range s.nodes {
		all = append(all, x.workers)
	}
	return all
}

func toDatabase(s *Stand) []*faultproxy.Proxy { return []*faultproxy.Proxy{s.database.proxy} }

func toObjects(s *Stand) []*faultproxy.Proxy {
	if s.bucket == nil {
		return nil
	}
	return []*faultproxy.Proxy{s.bucket}
}
