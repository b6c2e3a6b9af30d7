package consumer_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// noted is an observer that remembers how often it was told what.
type noted struct {
	mu       sync.Mutex
	pulls    map[consumer.PullResult]int
	answers  map[bool]int
	told     map[bool]int
	negative bool
}

func (n *noted) Told(published bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told[published]++
}

func (n *noted) Pulled(r consumer.PullResult, took time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pulls[r]++
	n.negative = n.negative || took < 0
}

func (n *noted) Answered(confirmed bool, took time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[confirmed]++
	n.negative = n.negative || took < 0
}

func TestObserverIsToldOfPullsAndAnswers(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	n := &noted{pulls: map[consumer.PullResult]int{}, answers: map[bool]int{}, told: map[bool]int{}}
	w.start(func(c *consumer.Config) { c.Observer = n })
	w.wait(storage.JobDone, w.send(w.create("a"), jobs.NewBackfill("tester"))...)
	w.until("both are answered, and a pull of saves that brought one has waited for more", func() error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.answers[false] == 0 || n.answers[true] == 0 || n.pulls[consumer.PullPartial] == 0 || n.pulls[consumer.PullEmpty] == 0 || n.told[true] < 2 {
			return fmt.Errorf("pulls %v, answers %v, events %v", n.pulls, n.answers, n.told)
		}
		return nil
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.negative || n.pulls[consumer.PullFailed] > 0 || n.told[false] > 0 {
		t.Fatalf("%+v", n)
	}
}
