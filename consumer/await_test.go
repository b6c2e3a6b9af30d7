package consumer_test

import (
	"slices"
	"testing"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// durables returns the names of the durable consumers that there are.
func (w *world) durables() []string {
	w.t.Helper()
	s, err := w.js(w.nc).Stream(w.t.Context(), w.queue.StreamName())
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	list := s.ConsumerNames(w.t.Context())
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// TestExclusiveOwnerMakesWhatItNeeds: a durable consumer is made when its lane and
// kind have a message, whether that came before the start or after
// it.
func TestExclusiveOwnerMakesWhatItNeeds(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	early := w.create("p1")
	early.Lane = jobs.LaneBulk
	first := w.send(early)
	h, _ := w.start(func(c *consumer.Config) { c.Exclusive = true })
	w.wait(storage.JobDone, first...)
	if got := w.durables(); !slices.Equal(got, []string{"bulk-save"}) {
		t.Fatalf("durable consumers: %v", got)
	}
	w.wait(storage.JobDone, w.send(w.create("p2"))...)
	if got := w.durables(); !slices.Equal(got, []string{"bulk-save", "normal-save"}) {
		t.Fatalf("durable consumers: %v", got)
	}
	w.stop(h)
	if got := w.durables(); len(got) != 0 {
		t.Fatalf("left behind: %v", got)
	}
}
