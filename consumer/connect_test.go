package consumer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/faultproxy"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/jobs"
)

// remote is a server that is reached through a proxy.
type remote struct {
	t      *testing.T
	server *natsd.Server
	proxy  *faultproxy.Proxy
	queue  QueueConfig
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	server, err := natsd.Start(t.TempDir(), natsd.Options{Listen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	proxy, err := faultproxy.Start(func() (string, string) { return "tcp", strings.TrimPrefix(server.URL(), "nats://") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	r := &remote{t: t, server: server, proxy: proxy, queue: QueueConfig{
		Namespace: "test", Store: uuid.New(), Create: true, MaxBytes: 64 << 20,
	}.withDefaults()}
	if err := EnsureStreams(t.Context(), r.inside(), r.queue); err != nil {
		t.Fatal(err)
	}
	return r
}

// inside is a connection that no fault reaches.
func (r *remote) inside() jetstream.JetStream {
	r.t.Helper()
	nc, err := r.server.Connect()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(nc.Close)
	return r.jetStream(nc)
}

// dial connects through the proxy.
func (r *remote) dial(opts ...nats.Option) *nats.Conn {
	r.t.Helper()
	nc, err := nats.Connect("nats://"+r.proxy.Addr(), append(opts, nats.Token(r.server.Token()))...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(nc.Close)
	return nc
}

func (r *remote) jetStream(nc *nats.Conn) jetstream.JetStream {
	r.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		r.t.Fatal(err)
	}
	return js
}

// count returns how many messages the stream of jobs holds.
func (r *remote) count() uint64 {
	r.t.Helper()
	s, err := r.inside().Stream(r.t.Context(), r.queue.StreamName())
	if err != nil {
		r.t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func someMessages(from, to int) []jobs.Message {
	var all []jobs.Message
	for i := from; i < to; i++ {
		all = append(all, jobs.Message{Subject: "specstar.test.jobs.normal.save", ID: fmt.Sprint(i), Body: []byte("{}")})
	}
	return all
}

func until(t *testing.T, limit time.Duration, what string, f func() bool) {
	t.Helper()
	for begin := time.Now(); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > limit {
			t.Fatalf("waited %s in vain until %s", limit, what)
		}
	}
}

func TestConnectionSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		opts   []nats.Option
		buffer int
		retry  bool
	}{
		"publish": {PublishOptions(), -1, false},
		"consume": {ConsumeOptions(), 0, true},
	} {
		o := nats.Options{}
		for _, apply := range tc.opts {
			if err := apply(&o); err != nil {
				t.Fatal(err)
			}
		}
		if o.PingInterval != 10*time.Second || o.MaxPingsOut != 2 || o.MaxReconnect != -1 ||
			o.ReconnectBufSize != tc.buffer || o.RetryOnFailedConnect != tc.retry {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// TestPublishingWaitsForABrokenConnection: what is sent while the connection is broken
// is taken once it is back, and is not said to be before.
func TestPublishingWaitsForABrokenConnection(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	nc := r.dial(PublishOptions()...)
	p, err := NewPublisher(nc, r.queue)
	if err != nil {
		t.Fatal(err)
	}
	r.proxy.Set(faultproxy.Fault{Refuse: true})
	r.proxy.Cut()
	until(t, 5*time.Second, "the connection is broken", nc.IsReconnecting)
	acks := make(chan []jobs.Ack, 1)
	go func() { acks <- p.Publish(t.Context(), someMessages(0, 100)) }()
	select {
	case a := <-acks:
		t.Fatalf("answered while the connection is broken: %+v", a[0])
	case <-time.After(time.Second):
	}
	r.proxy.Set(faultproxy.Fault{})
	for i, a := range <-acks {
		if a.Err != nil {
			t.Fatalf("message %d: %v", i, a.Err)
		}
	}
	if n := r.count(); n != 100 {
		t.Fatalf("%d messages", n)
	}
}

// TestNothingIsSentAfterItWasGivenUp: messages whose publishing failed for want of a
// connection do not come out of a buffer later.
func TestNothingIsSentAfterItWasGivenUp(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	nc := r.dial(PublishOptions()...)
	p, err := newPublisher(NewLine(nc, nil), r.queue, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	r.proxy.Set(faultproxy.Fault{Refuse: true})
	r.proxy.Cut()
	until(t, 5*time.Second, "the connection is broken", nc.IsReconnecting)
	for i, a := range p.Publish(t.Context(), someMessages(0, 600)) {
		if !errors.Is(a.Err, ErrNoAnswer) {
			t.Fatalf("message %d: %v", i, a.Err)
		}
	}
	r.proxy.Set(faultproxy.Fault{})
	until(t, 10*time.Second, "the connection is back", nc.IsConnected)
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := r.count(); n != 0 {
		t.Fatalf("%d messages that failed were sent", n)
	}
}

// TestHalfOpenConnectionIsNoticed: the network loses every packet of a connection that
// looks open.
func TestHalfOpenConnectionIsNoticed(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	nc := r.dial(append(ConsumeOptions(), nats.PingInterval(100*time.Millisecond))...)
	r.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
	until(t, 5*time.Second, "it is noticed", func() bool { return !nc.IsConnected() })
	r.proxy.Set(faultproxy.Fault{})
	until(t, 10*time.Second, "the connection is back", nc.IsConnected)
}
