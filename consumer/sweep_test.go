package consumer_test

import (
	"fmt"
	"testing"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// messages returns how many messages the queue holds.
func (w *world) messages() uint64 {
	w.t.Helper()
	stream, err := w.js(w.nc).Stream(w.t.Context(), w.queue.StreamName())
	if err != nil {
		w.t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

// TestExclusiveOwnerLeavesNoDoneMessage: what is done is gone when the owner has
// ended; what waits in another lane stays.
func TestExclusiveOwnerLeavesNoDoneMessage(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	var many []jobs.Envelope
	for i := range 3000 {
		many = append(many, w.create(fmt.Sprint("p", i)))
	}
	sent := w.send(many...)
	h, _ := w.start(func(c *consumer.Config) { c.Exclusive = true })
	w.wait(storage.JobDone, sent...)
	w.stop(h)
	if n := w.messages(); n != 0 {
		t.Fatalf("%d messages of done jobs are in the queue", n)
	}
	late := w.send(w.create("late"))
	if n := w.messages(); n != 1 {
		t.Fatalf("%d messages wait, want 1", n)
	}
	w.start(func(c *consumer.Config) { c.Exclusive = true })
	w.wait(storage.JobDone, late...)
}
