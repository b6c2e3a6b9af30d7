package consumer_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// TestPeekTakesNothing looks at what waits, which is done all the same later.
func TestPeekTakesNothing(t *testing.T) {
	w := newWorld(t, memory.New())
	nc := w.connect()
	var want []string
	var receipts []jobs.Receipt
	for _, id := range []string{"item:1", "item:2", "item:3"} {
		e := w.create(id)
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, string(b))
		receipts = append(receipts, w.send(e)...)
	}
	for _, namespace := range []string{"", w.config(nc).Queue.Namespace} {
		for range 2 {
			if got := peek(t, nc, namespace); !slices.Equal(got, want) {
				t.Errorf("namespace %q has %q, want %q", namespace, got, want)
			}
		}
	}
	if got := peek(t, nc, "another"); got != nil {
		t.Errorf("a namespace without a queue has %q", got)
	}
	stop := errors.New("stop")
	if err := consumer.Peek(t.Context(), nc, "", func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error is %v, want that of the callback", err)
	}
	h, _ := w.start()
	w.wait(storage.JobDone, receipts...)
	w.stop(h)
	w.until("nothing waits", func() error {
		if got := peek(t, nc, ""); got != nil {
			return fmt.Errorf("%q waits", got)
		}
		return nil
	})
	if err := consumer.Peek(t.Context(), nil, "", nil); !errors.Is(err, consumer.ErrNoQueue) {
		t.Errorf("error is %v, want %v", err, consumer.ErrNoQueue)
	}
}

func peek(t *testing.T, nc *nats.Conn, namespace string) []string {
	t.Helper()
	var bodies []string
	err := consumer.Peek(t.Context(), nc, namespace, func(body []byte) error {
		bodies = append(bodies, string(body))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bodies
}
