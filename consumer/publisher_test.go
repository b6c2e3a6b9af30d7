package consumer

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/jobs"
)

// TestSilentQueueIsGivenUp: a server whose disk is full does not answer. It is not
// waited for with each message anew.
func TestSilentQueueIsGivenUp(t *testing.T) {
	t.Parallel()
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
	var taken atomic.Int64
	if _, err := nc.Subscribe("specstar.>", func(*nats.Msg) { taken.Add(1) }); err != nil {
		t.Fatal(err)
	}
	p, err := newPublisher(NewLine(nc, nil), QueueConfig{Namespace: "test", Store: uuid.New()}, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	messages := make([]jobs.Message, 5000)
	for i := range messages {
		messages[i] = jobs.Message{Subject: "specstar.test.jobs.normal.save", ID: fmt.Sprint(i), Body: []byte("{}")}
	}
	for i, a := range p.Publish(t.Context(), messages) {
		if !errors.Is(a.Err, ErrNoAnswer) {
			t.Fatalf("message %d: %v", i, a.Err)
		}
	}
	if n := taken.Load(); n > 2*publishWindow {
		t.Fatalf("%d messages were sent", n)
	}
}
