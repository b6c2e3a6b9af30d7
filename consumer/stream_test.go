package consumer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
)

func TestStreamsAreBoundNotChanged(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	js := w.js(w.nc)
	s, err := js.Stream(t.Context(), w.queue.StreamName())
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxBytes = 1 << 20
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if err := consumer.EnsureStreams(t.Context(), js, w.queue); err != nil {
		t.Fatalf("an operator's size was refused: %v", err)
	}
	if s, err = js.Stream(t.Context(), w.queue.StreamName()); err != nil || s.CachedInfo().Config.MaxBytes != 1<<20 {
		t.Fatalf("the size was changed back: %v", err)
	}
	cfg.MaxAge, cfg.Duplicates = time.Hour, time.Minute
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if err := consumer.EnsureStreams(t.Context(), js, w.queue); err == nil || !strings.Contains(err.Error(), "max_age") {
		t.Fatalf("a stream that forgets jobs was taken: %v", err)
	}
}

func TestStreamOfAnotherStoreIsRefused(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	other := w.queue
	other.Store = uuid.New()
	if err := consumer.EnsureStreams(t.Context(), w.js(w.nc), other); !errors.Is(err, consumer.ErrOtherStore) {
		t.Fatalf("EnsureStreams = %v", err)
	}
}

func TestMissingStreamIsOnlyMadeOnRequest(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	q := w.queue
	q.Namespace, q.Create = "other", false
	if err := consumer.EnsureStreams(t.Context(), w.js(w.nc), q); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Fatalf("EnsureStreams = %v", err)
	}
}

func TestNamespaceIsChecked(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	for _, ns := range []string{"", "a.b", "a*", "a b", "ä", strings.Repeat("a", 65)} {
		q := w.queue
		q.Namespace = ns
		if err := consumer.EnsureStreams(t.Context(), w.js(w.nc), q); err == nil {
			t.Errorf("namespace %q was taken", ns)
		}
	}
}

func TestConsumerThatParksMessagesIsRefused(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	_, err := w.js(w.nc).CreateConsumer(t.Context(), w.queue.StreamName(), jetstream.ConsumerConfig{
		Durable: "high-save", FilterSubject: jobs.Subject("test", jobs.LaneHigh, jobs.KindSave),
		AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := consumer.New(w.config(w.nc))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.StartConsume(t.Context()); err == nil || !strings.Contains(err.Error(), "max_deliver") {
		t.Fatalf("StartConsume = %v", err)
	}
}

func TestFullQueueRefusesNewJobs(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	js := w.js(w.nc)
	s, err := js.Stream(t.Context(), w.queue.StreamName())
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxMsgs = 2
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	rs, err := w.submit.Submit(t.Context(), w.create("a"), w.create("b"), w.create("c"))
	if !errors.Is(err, consumer.ErrQueueFull) || rs[0].Err != nil || rs[1].Err != nil || rs[2].Err == nil {
		t.Fatalf("Submit = %+v, %v", rs, err)
	}
}
