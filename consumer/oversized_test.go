package consumer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// largePayloads is a server that takes messages which fit into no pull.
var largePayloads = natsd.Options{MaxPayload: 8 << 20}

func (w *world) oversized() jobs.Message {
	return jobs.Message{
		Subject: jobs.Subject(w.queue.Namespace, jobs.LaneNormal, jobs.KindSave), ID: "large",
		Body: []byte(`{"large":"` + strings.Repeat("x", 6<<20) + `"}`),
	}
}

func TestStreamRefusesOversizedMessages(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, stores["memory"](t), largePayloads)
	if acks := w.sender.Publish(t.Context(), []jobs.Message{w.oversized()}); !errors.Is(acks[0].Err, consumer.ErrTooLarge) {
		t.Fatalf("Publish = %v", acks[0].Err)
	}
}

// TestOversizedMessageDoesNotStopTheLane: a stream that was made without a limit for
// one message holds one that is larger than a pull may be.
func TestOversizedMessageDoesNotStopTheLane(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, stores["memory"](t), largePayloads)
	js := w.js(w.nc)
	s, err := js.Stream(t.Context(), w.queue.StreamName())
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxMsgSize = -1
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	h, _ := w.start()
	if acks := w.sender.Publish(t.Context(), []jobs.Message{w.oversized()}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	begin := time.Now()
	w.wait(storage.JobDone, w.send(w.create("p1"))...)
	if took := time.Since(begin); took > 10*time.Second {
		t.Fatalf("the lane went on after %s", took)
	}
	w.drained(jobs.LaneNormal, jobs.KindSave)
	if ls := w.letters(); len(ls) != 1 || len(ls[0].Data) < 6<<20 {
		t.Fatalf("%d letters", len(ls))
	}
	if h.Err() != nil {
		t.Fatal(h.Err())
	}
}
