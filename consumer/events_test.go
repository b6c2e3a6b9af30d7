package consumer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// events returns what the stream of events holds.
func (w *world) events() (all []jobs.Event) {
	w.t.Helper()
	s, err := w.js(w.nc).Stream(w.t.Context(), w.queue.EventsName())
	if err != nil {
		w.t.Fatal(err)
	}
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(w.t.Context(), seq)
		if err != nil {
			w.t.Fatal(err)
		}
		var e jobs.Event
		if err := json.Unmarshal(m.Data, &e); err != nil {
			w.t.Fatal(err)
		}
		if m.Header.Get("Nats-Msg-Id") != e.ID.String() || m.Subject != e.Type.Subject(w.queue.Namespace) || m.Header.Get("Content-Type") != jobs.EventContentType {
			w.t.Errorf("event %s is on %s with %v", e.ID, m.Subject, m.Header)
		}
		all = append(all, e)
	}
	return all
}

// dying is an executor whose process dies after it has done batches and before anything is
// told of them: its verdicts are never heard of.
type dying struct {
	*jobs.Executor
	batches atomic.Int64
	dead    chan struct{}
	after   int64
}

func (d *dying) Open(ds []jobs.Delivery) jobs.Batch {
	return dyingBatch{d.Executor.Open(ds), d}
}

type dyingBatch struct {
	jobs.Batch
	of *dying
}

// Run does the batch; the process dies with it.
func (b dyingBatch) Run(ctx context.Context) []jobs.Verdict {
	b.Batch.Run(ctx)
	if b.of.batches.Add(1) == b.of.after {
		close(b.of.dead)
	}
	<-ctx.Done()
	panic("the process is dead")
}

// TestEveryBatchIsToldOnceWhateverDies: a worker commits batches of saves and dies before it
// tells of them, another one's events are refused by the server for a while. What comes
// again is told with the ids that it had: each job is in one event.
func TestEveryBatchIsToldOnceWhateverDies(t *testing.T) {
	onDurableStores(t, func(t *testing.T, w *world) {
		w.ackWait, w.batch = 500*time.Millisecond, 40
		const n = 200
		var sent []jobs.Envelope
		for i := range n {
			sent = append(sent, w.create(fmt.Sprint("p", i)))
		}
		receipts := w.send(sent...)
		d := &dying{dead: make(chan struct{}), after: 1}
		w.executor = func(x *jobs.Executor) consumer.Executor {
			d.Executor = x
			return d
		}
		h, nc := w.start()
		<-d.dead
		nc.Close() // nothing that it says from now on is heard
		h.Abort(errTest)
		if len(w.events()) != 0 {
			t.Fatal("the worker told something")
		}
		w.executor = nil

		// The stream of events is away: saves are done, and told later.
		js := w.js(w.nc)
		if err := js.DeleteStream(t.Context(), w.queue.EventsName()); err != nil {
			t.Fatal(err)
		}
		queue := w.queue
		w.start(func(c *consumer.Config) { c.Queue = queue })
		w.wait(storage.JobDone, receipts...)
		w.until("every job is in an event", func() error {
			told := int64(0)
			for _, e := range w.events() {
				told += e.Jobs
			}
			if told < n {
				return fmt.Errorf("%d of %d jobs are told of", told, n)
			}
			return nil
		})
		w.allOnce(w.events(), n)
	})
}

// onDurableStores runs a test on each backend that survives its process.
func onDurableStores(t *testing.T, test func(*testing.T, *world)) {
	for name, open := range durableStores {
		t.Run(name, func(t *testing.T) { test(t, newWorld(t, open(t))) })
	}
}

// allOnce checks that events tell of so many creations, each once.
func (w *world) allOnce(events []jobs.Event, n int) {
	w.t.Helper()
	ids, resources := map[uuid.UUID]bool{}, map[resource.ID]int{}
	var counted, told int64
	for _, e := range events {
		if ids[e.ID] {
			w.t.Errorf("event %s is there twice", e.ID)
		}
		ids[e.ID] = true
		counted, told = counted+e.Counts["created"], told+e.Jobs
		for _, id := range e.IDs {
			resources[id]++
		}
	}
	for id, n := range resources {
		if n != 1 {
			w.t.Errorf("resource %s is in %d events", id, n)
		}
	}
	if counted != int64(n) || told != int64(n) || len(resources) != n {
		w.t.Errorf("%d creations, %d jobs and %d resources in %d events, want %d", counted, told, len(resources), len(events), n)
	}
}

// TestEndsOfLongJobsAreTold: a backfill's end and the death of a save are events, the save's
// beside its letter.
func TestEndsOfLongJobsAreTold(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	made := w.send(w.create("a"))
	w.start()
	w.wait(storage.JobDone, made...)
	fill := jobs.NewBackfill("tester", "person")
	bad := jobs.NewSave("person", "tester", manager.Operation{Op: manager.OpCreate, ResourceID: "b"})
	bad.Expires = time.Now().Add(-time.Minute)
	w.send(fill, bad)
	var got []string
	w.until("three events", func() error {
		got = nil
		for _, e := range w.events() {
			got = append(got, string(e.Type))
		}
		if slices.Sort(got); len(got) < 3 {
			return fmt.Errorf("there are %v", got)
		}
		return nil
	})
	if !slices.Equal(got, []string{"backfill.done", "save.committed", "save.dead"}) {
		t.Errorf("%v", got)
	}
	w.until("the letter is there", func() error {
		if n := len(w.letters()); n != 1 {
			return fmt.Errorf("%d letters", n)
		}
		return nil
	})
}

func TestTheStreamOfEventsForgets(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	js := w.js(w.nc)
	s, err := js.Stream(t.Context(), w.queue.EventsName())
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	if c.Discard != jetstream.DiscardOld || c.MaxAge != 7*24*time.Hour || c.MaxBytes != w.queue.MaxBytes/8 || c.Duplicates != 10*time.Minute || c.Retention != jetstream.LimitsPolicy {
		t.Errorf("%+v", c)
	}
	c.Discard = jetstream.DiscardNew
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	err = consumer.EnsureStreams(t.Context(), js, w.queue)
	if want := "stream SPECSTAR_test_EVENTS: discard is DiscardNew, must be DiscardOld: jobs would wait for room"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
