package consumer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/faultproxy"
	"github.com/specstar-worker/worker/jobs"
)

// begin starts a consumer that acknowledges everything, over a connection through the
// proxy, and returns the subjects' message ids as they are done.
func (r *remote) begin(change ...func(*Config)) (*Handles, <-chan string, *Consumer) {
	r.t.Helper()
	done := make(chan string, 10_000)
	x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
		for _, d := range ds {
			done <- d.MessageID
		}
		return ackAll(ctx, ds)
	}}
	cfg := Config{JetStream: r.jetStream(r.dial(ConsumeOptions()...)), Queue: r.queue, Executor: x}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	h, err := c.StartConsume(context.WithoutCancel(r.t.Context()))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		h.Stop()
		if err := h.Join(context.Background()); err != nil {
			r.t.Errorf("Join = %v", err)
		}
	})
	return h, done, c
}

// publish sends a save beside the proxy.
func (r *remote) publish(id string) {
	r.t.Helper()
	if _, err := r.inside().Publish(r.t.Context(), "specstar.test.jobs.normal.save", []byte("{}"), jetstream.WithMsgID(id)); err != nil {
		r.t.Fatal(err)
	}
}

// comes checks that a message is done within a time.
func (r *remote) comes(done <-chan string, id string, limit time.Duration) {
	r.t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case got := <-done:
			if got == id {
				return
			}
		case <-timer.C:
			r.t.Fatalf("message %s was not done within %s", id, limit)
		}
	}
}

// TestLostPullIsAskedAgain: the requests of all loops are lost on the way.
func TestLostPullIsAskedAgain(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	_, done, c := r.begin()
	r.publish("1")
	r.comes(done, "1", 5*time.Second)
	r.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
	until(t, 10*time.Second, "silence is noticed", func() bool {
		return slices.ContainsFunc(c.Stats(), func(s Stats) bool { return s.Silent > 0 })
	})
	r.publish("2")
	r.proxy.Set(faultproxy.Fault{})
	r.comes(done, "2", 2*time.Second)
}

// TestLeftOutPullIsAskedAgainInTime: the time is that of the fake clock.
func TestLeftOutPullIsAskedAgainInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{messages: make(chan message, 1)}
		h := startFake(t, fakeExecutor{execute: ackAll}, src, 1)
		silent := errSilent
		src.fail.Store(&silent)
		time.Sleep(time.Minute)
		src.fail.Store(nil)
		begin := time.Now()
		m := newFakeMessage(1, "a")
		src.messages <- m
		<-m.settled
		if took := time.Since(begin); took > 2*time.Second-fetchSilence {
			t.Fatalf("recovered after %s", took)
		}
		h.Stop()
		<-h.Done()
	})
}

// TestDeletedConsumerIsBackInTime, also when somebody else makes it again.
func TestDeletedConsumerIsBackInTime(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]bool{"made here": true, "made by the operator": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRemote(t)
			js := r.inside()
			for _, d := range durables() {
				if _, err := js.CreateConsumer(t.Context(), r.queue.StreamName(), d.config(r.queue, time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
			h, done, _ := r.begin(func(c *Config) { c.Queue.Create = create })
			r.publish("1")
			r.comes(done, "1", 5*time.Second)
			d := durable{jobs.LaneNormal, jobs.KindSave}
			if err := js.DeleteConsumer(t.Context(), r.queue.StreamName(), d.name()); err != nil {
				t.Fatal(err)
			}
			if !create {
				until(t, 5*time.Second, "the trouble is told", func() bool {
					ts := h.Trouble()
					return len(ts) == 1 && ts[0].Loop == d.name() && errors.Is(ts[0].Err, jetstream.ErrConsumerNotFound)
				})
				if _, err := js.CreateConsumer(t.Context(), r.queue.StreamName(), d.config(r.queue, time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
			r.publish("2")
			r.comes(done, "2", 5*time.Second)
			until(t, 5*time.Second, "the trouble is over", func() bool { return len(h.Trouble()) == 0 })
		})
	}
}

// TestSilentConnectionIsMadeAnew: a connection on which nothing is answered though it
// looks open is dialled anew long before its pings are missed.
func TestSilentConnectionIsMadeAnew(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	h, done, c := r.begin()
	before := c.cfg.JetStream.Conn().Stats().Reconnects
	r.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
	until(t, 20*time.Second, "it is dialled anew", func() bool { return !c.cfg.JetStream.Conn().IsConnected() })
	if ts := h.Trouble(); len(ts) == 0 || !strings.Contains(ts[0].String(), "cannot reach its durable consumer") {
		t.Fatalf("trouble: %v", ts)
	}
	// A pull that was held back would take the message, and nobody be there to do it.
	r.proxy.Cut()
	r.proxy.Set(faultproxy.Fault{})
	r.publish("1")
	r.comes(done, "1", 10*time.Second)
	if n := c.cfg.JetStream.Conn().Stats().Reconnects; n == before {
		t.Fatal("it is the same connection")
	}
}

// TestUnfitConsumersAreRefused: each of these settings would hold jobs back.
func TestUnfitConsumersAreRefused(t *testing.T) {
	d := durable{jobs.LaneNormal, jobs.KindSave}
	want := d.config(QueueConfig{Namespace: "test"}, time.Minute)
	for name, set := range map[string]func(*jetstream.ConsumerConfig){
		"filter":             func(c *jetstream.ConsumerConfig) { c.FilterSubject = "specstar.test.jobs.>" },
		"acknowledgement":    func(c *jetstream.ConsumerConfig) { c.AckPolicy = jetstream.AckAllPolicy },
		"deliver policy":     func(c *jetstream.ConsumerConfig) { c.DeliverPolicy = jetstream.DeliverNewPolicy },
		"priority_groups":    func(c *jetstream.ConsumerConfig) { c.PriorityGroups = []string{"a"} },
		"headers_only":       func(c *jetstream.ConsumerConfig) { c.HeadersOnly = true },
		"max_expires":        func(c *jetstream.ConsumerConfig) { c.MaxRequestExpires = time.Millisecond },
		"max_bytes":          func(c *jetstream.ConsumerConfig) { c.MaxRequestMaxBytes = 1000 },
		"max_deliver":        func(c *jetstream.ConsumerConfig) { c.MaxDeliver = 5 },
		"backoff":            func(c *jetstream.ConsumerConfig) { c.BackOff = []time.Duration{time.Second} },
		"inactive_threshold": func(c *jetstream.ConsumerConfig) { c.InactiveThreshold = time.Hour },
	} {
		have := want
		set(&have)
		if err := compareDurable(have, want); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := compareDurable(want, want); err != nil {
		t.Error(err)
	}
}

// TestFirstBindingIsTriedAgain: a loop that was woken by its first message cannot make
// its durable consumer at once.
func TestFirstBindingIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Executor: fakeExecutor{execute: ackAll}})
		if err != nil {
			t.Fatal(err)
		}
		src, wake, tries := &fakeSource{messages: make(chan message, 1)}, make(chan struct{}), 0
		l := c.newLoop(normalSave)
		l.wake = wake
		l.bind = func(context.Context) (bound, error) {
			if tries++; tries < 3 {
				return bound{}, jetstream.ErrConsumerNotFound
			}
			return bound{source: src, ackWait: time.Minute}, nil
		}
		h := launch(t.Context(), c.cfg, []*loop{l}, nil)
		close(wake)
		m := newFakeMessage(1, "a")
		src.messages <- m
		<-m.settled
		h.Stop()
		<-h.Done()
		if tries != 3 || h.Err() != nil {
			t.Fatalf("%d tries, %v", tries, h.Err())
		}
	})
}
