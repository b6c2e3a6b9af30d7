package consumer_test

import (
	"testing"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// TestOtherLanesAreLeft: a worker for one lane and kind takes nothing else.
func TestOtherLanesAreLeft(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	h, _ := w.start(func(c *consumer.Config) {
		c.Lanes, c.Kinds = []jobs.Lane{jobs.LaneHigh}, []jobs.Kind{jobs.KindSave}
	})
	if all := h.All(); len(all) != 1 || all[0].Name() != "high-save" {
		t.Fatalf("%d loops", len(all))
	}
	high := w.create("p2")
	high.Lane = jobs.LaneHigh
	rs := w.send(w.create("p1"), high)
	w.wait(storage.JobDone, rs[1])
	if n, err := w.sender.Waiting(t.Context(), jobs.Subject("test", jobs.LaneNormal, jobs.KindSave)); err != nil || n != 1 {
		t.Fatalf("%d normal saves wait, %v", n, err)
	}
	w.start()
	w.wait(storage.JobDone, rs[0])
}
