package consumer

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/faultproxy"
	"github.com/specstar-worker/worker/jobs"
)

// The traps of JetStream that other workers fell into, by the numbers of the list that
// the project keeps. Those of features that are not used show that they are not.

// normalSave is the durable consumer of the tests here.
var normalSave = durable{jobs.LaneNormal, jobs.KindSave}

// left waits until the stream of jobs holds n messages.
func (r *remote) left(n uint64) {
	r.t.Helper()
	until(r.t, 10*time.Second, "the queue holds what it should", func() bool { return r.count() == n })
}

func (r *remote) publisher() *Publisher {
	r.t.Helper()
	p, err := NewPublisher(r.dial(PublishOptions()...), r.queue)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func TestTrap01StalledPullRecovers(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	_, done, _ := r.begin()
	r.publish("1")
	r.comes(done, "1", 5*time.Second)
	r.proxy.Set(faultproxy.Fault{StallUp: true})
	r.publish("2")
	<-time.After(3 * fetchWait)
	r.proxy.Set(faultproxy.Fault{})
	r.publish("3")
	r.comes(done, "3", 2*time.Second)
}

func TestTrap03HandingBackUsesUpNoDelivery(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	var seen atomic.Int64
	r.begin(func(c *Config) {
		c.Executor = fakeExecutor{execute: func(_ context.Context, ds []jobs.Delivery) []jobs.Verdict {
			vs := make([]jobs.Verdict, len(ds))
			if seen.Add(1) <= 50 {
				vs[0].Action = jobs.ActionRetry
			}
			return vs
		}}
	})
	r.publish("1")
	until(t, 20*time.Second, "it was handed back often", func() bool { return seen.Load() == 51 })
	r.left(0)
}

// TestTrap04LateAckIsTaken: the queue does not know whose acknowledgement it takes, so
// that only the ledger can say who did the job.
func TestTrap04LateAckIsTaken(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	js := r.inside()
	b, err := normalSave.bind(t.Context(), Config{JetStream: js, Queue: r.queue, AckWait: time.Second}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	r.publish("1")
	var got []message
	until(t, 10*time.Second, "it comes twice", func() bool {
		if err := b.source.fetch(t.Context(), 1, 0, func(m message) { got = append(got, m) }); err != nil {
			t.Fatal(err)
		}
		return len(got) == 2
	})
	if err := got[0].DoubleAck(t.Context()); err != nil {
		t.Fatalf("the late one was refused: %v", err)
	}
	r.left(0)
	if err := got[1].Ack(); err != nil {
		t.Fatal(err)
	}
}

func TestTrap05LimitOfDeliveriesIsRefused(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	js := r.inside()
	cfg := normalSave.config(r.queue, time.Minute)
	cfg.MaxDeliver = 5
	if _, err := js.CreateConsumer(t.Context(), r.queue.StreamName(), cfg); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{JetStream: js, Queue: r.queue, Executor: fakeExecutor{execute: ackAll}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.StartConsume(t.Context()); err == nil || !strings.Contains(err.Error(), "max_deliver") {
		t.Fatalf("StartConsume = %v", err)
	}
	cfg.MaxDeliver = -1
	if _, err := js.UpdateConsumer(t.Context(), r.queue.StreamName(), cfg); err != nil {
		t.Fatal(err)
	}
	_, done, _ := r.begin()
	r.publish("1")
	r.comes(done, "1", 5*time.Second)
}

func TestTrap06StopStrandsNothing(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	begun, end := make(chan struct{}, 100), make(chan struct{})
	h, _, _ := r.begin(func(c *Config) {
		c.Batch, c.AckWait = 1, 30*time.Second
		c.Executor = fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			begun <- struct{}{}
			<-end
			return ackAll(ctx, ds)
		}}
	})
	for _, m := range someMessages(0, 20) {
		r.publish(m.ID)
	}
	<-begun
	h.Stop()
	close(end)
	if err := h.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, done, _ := r.begin(func(c *Config) { c.AckWait = 30 * time.Second })
	r.comes(done, "19", 5*time.Second)
	r.left(0)
}

func TestTrap07SchedulesAreNotUsed(t *testing.T) {
	if (QueueConfig{}).jobsStream().AllowMsgSchedules {
		t.Fatal("the stream takes schedules")
	}
}

func TestTrap08FastPublishingIsNotUsed(t *testing.T) {
	if (QueueConfig{}).jobsStream().AllowBatchPublish {
		t.Fatal("the stream takes fast batches")
	}
}

func TestTrap09BatchOfMessagesWithoutHeaders(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	messages := someMessages(0, 2*batchMin)
	for i := range messages {
		messages[i].ID = ""
	}
	for i, a := range r.publisher().Publish(t.Context(), messages) {
		if a.Err != nil {
			t.Fatalf("message %d: %v", i, a.Err)
		}
	}
	r.left(2 * batchMin)
}

func TestTrap10SlowServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	p := r.publisher()
	r.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
	time.AfterFunc(2*time.Second, func() { r.proxy.Set(faultproxy.Fault{}) })
	for i, a := range p.Publish(t.Context(), someMessages(0, 2000)) {
		if a.Err != nil {
			t.Fatalf("message %d: %v", i, a.Err)
		}
	}
	r.left(2000)
}

func TestTrap11BatchesAreBoundedAndDuplicatesRefuseNobody(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	p := r.publisher()
	p.Publish(t.Context(), someMessages(500, 501))
	duplicates := 0
	for i, a := range p.Publish(t.Context(), someMessages(0, batchMax+1)) {
		if a.Err != nil {
			t.Fatalf("message %d: %v", i, a.Err)
		}
		if a.Duplicate {
			duplicates++
		}
	}
	if duplicates != 1 {
		t.Fatalf("%d duplicates", duplicates)
	}
	r.left(batchMax + 1)
}

// TestTrap12PeekingNeedsNoConsumer: a work queue refuses a second one for a subject.
func TestTrap12PeekingNeedsNoConsumer(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	js := r.inside()
	if _, err := js.CreateConsumer(t.Context(), r.queue.StreamName(), normalSave.config(r.queue, time.Minute)); err != nil {
		t.Fatal(err)
	}
	r.publish("1")
	for range 2 {
		n := 0
		err := Peek(t.Context(), js.Conn(), r.queue.Namespace, func([]byte) error { n++; return nil })
		if err != nil || n != 1 {
			t.Fatalf("Peek saw %d: %v", n, err)
		}
	}
	r.left(1)
}

// TestTrap13IDIsKnownAfterTheEnd: what is published again needs an id of its own.
func TestTrap13IDIsKnownAfterTheEnd(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	_, done, _ := r.begin()
	r.publish("1")
	r.comes(done, "1", 5*time.Second)
	r.left(0)
	p := r.publisher()
	if a := p.Publish(t.Context(), someMessages(1, 2))[0]; a.Err != nil || !a.Duplicate {
		t.Fatalf("the same id: %+v", a)
	}
	if a := p.Publish(t.Context(), someMessages(2, 3))[0]; a.Err != nil || a.Duplicate {
		t.Fatalf("another id: %+v", a)
	}
	r.comes(done, "2", 5*time.Second)
}

func TestTrap14SubjectsHoldAnyNumber(t *testing.T) {
	if c := (QueueConfig{}).jobsStream(); c.DiscardNewPerSubject || c.MaxMsgsPerSubject > 0 {
		t.Fatal("the stream bounds subjects")
	}
}

func TestTrap15PriorityGroupsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	js := r.inside()
	cfg := normalSave.config(r.queue, time.Minute)
	cfg.PriorityPolicy, cfg.PriorityGroups = jetstream.PriorityPolicyOverflow, []string{"a"}
	if _, err := js.CreateConsumer(t.Context(), r.queue.StreamName(), cfg); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{JetStream: js, Queue: r.queue, Executor: fakeExecutor{execute: ackAll}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.StartConsume(t.Context()); err == nil || !strings.Contains(err.Error(), "priority_groups") {
		t.Fatalf("StartConsume = %v", err)
	}
}
