package consumer

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/jobs"
)

// TestWakerLooksByItself: a first message that the connection is not told of wakes
// its loop all the same, and no other.
func TestWakerLooksByItself(t *testing.T) {
	server, err := natsd.Start(t.TempDir(), natsd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{JetStream: js, Queue: QueueConfig{Namespace: "a", Store: uuid.New(), Create: true, MaxBytes: 64 << 20}}.withDefaults()
	if err := EnsureStreams(t.Context(), js, cfg.Queue); err != nil {
		t.Fatal(err)
	}
	saves, loads := &loop{durable: durable{jobs.LaneNormal, jobs.KindSave}}, &loop{durable: durable{jobs.LaneNormal, jobs.KindLoad}}
	w, err := newWaker(t.Context(), cfg, []*loop{saves, loads})
	if err != nil {
		t.Fatal(err)
	}
	w.unsubscribe()
	if _, err := js.Publish(t.Context(), saves.subject(cfg.Queue), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-saves.wake:
		t.Fatal("the connection was told")
	default:
	}
	go w.run(t.Context())
	select {
	case <-saves.wake:
	case <-time.After(10 * lookEvery):
		t.Fatal("the message is not found")
	}
	select {
	case <-loads.wake:
		t.Fatal("a loop without messages was woken")
	default:
	}
}
