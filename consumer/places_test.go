package consumer_test

import (
	"cmp"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// pass has the reconciler look once and checks how many messages it published.
func (w *world) pass(want int) {
	w.t.Helper()
	r := &jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender}
	if n, err := r.Pass(w.t.Context()); err != nil || n != want {
		w.t.Fatalf("Pass = %d, %v; want %d", n, err, want)
	}
}

// losesItsQueue ends the server with its directory and starts one without any message.
func (w *world) losesItsQueue() {
	w.t.Helper()
	w.nc.Close()
	w.server.Shutdown()
	server, err := natsd.Start(w.t.TempDir(), natsd.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(server.Shutdown)
	w.server = server
	w.nc = w.connect()
	if err := consumer.EnsureStreams(w.t.Context(), w.js(w.nc), w.queue); err != nil {
		w.t.Fatal(err)
	}
	if w.sender, err = consumer.NewPublisher(w.nc, w.queue); err != nil {
		w.t.Fatal(err)
	}
	w.submit = jobs.NewSubmitter(w.factory.ID(), w.factory.Ledger(), w.sender)
}

func backfills(n int) []jobs.Envelope {
	var all []jobs.Envelope
	for range n {
		all = append(all, jobs.NewBackfill("tester"))
	}
	return all
}

// TestEveryAcceptedJobSurvivesTheLossOfTheQueue: new jobs wait on the same subjects
// under the same numbers when the reconciler looks.
func TestEveryAcceptedJobSurvivesTheLossOfTheQueue(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.catalog = manager.NewCatalog(w.factory, blobsOf(t, w.factory), manager.Options{})
		source := w.upload("small_0.8.5.acbak")
		h, _ := w.start()
		done := w.send(backfills(2)...)
		w.wait(storage.JobDone, done...)
		w.drained(jobs.LaneBulk, jobs.KindBackfill)
		w.stop(h)
		lost := w.send(append(backfills(3), jobs.NewLoad("tester", jobs.Load{Source: source, OnDuplicate: "skip"}))...)
		tried := w.wait(storage.JobQueued, lost...)

		w.losesItsQueue()
		fresh := w.send(append(backfills(8), jobs.NewLoad("tester", jobs.Load{Source: source, OnDuplicate: "skip"}))...)
		for i, row := range w.wait(storage.JobQueued, fresh...) {
			if row.Epoch == 0 || row.Epoch == tried[0].Epoch || row.Sequence != uint64(i+1) {
				t.Fatalf("job %d of the new stream is at %d:%d, one of the old at %d:%d", i, row.Epoch, row.Sequence, tried[0].Epoch, tried[0].Sequence)
			}
		}
		w.pass(len(lost))
		w.pass(0)
		w.start()
		w.wait(storage.JobDone, lost...)
		w.wait(storage.JobDone, fresh...)
		w.drained(jobs.LaneBulk, jobs.KindBackfill)
		w.drained(jobs.LaneBulk, jobs.KindLoad)
		w.pass(0)
	})
}

// TestOneLostMessageIsPublishedOnce: others wait on its subject, the queue remembers
// its id, and several workers miss it at the same time.
func TestOneLostMessageIsPublishedOnce(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		rs := w.send(backfills(5)...)
		row := w.wait(storage.JobQueued, rs...)[2]
		w.pass(0)
		s, err := w.js(w.nc).Stream(t.Context(), w.queue.StreamName())
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 { // it is lost again and again
			if err := s.DeleteMsg(t.Context(), row.Sequence); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				wg.Go(func() {
					r := &jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender}
					_, errs[i] = r.Pass(t.Context())
				})
			}
			wg.Wait()
			if err := cmp.Or(errs...); err != nil {
				t.Fatal(err)
			}
			if have, err := w.sender.Waiting(t.Context(), row.Subject); err != nil || have != 5 {
				t.Fatalf("%d messages wait after loss %d, want 5: %v", have, n, err)
			}
			if row, err = w.factory.Ledger().Get(t.Context(), row.ID); err != nil || row.Sequence != uint64(6+n) {
				t.Fatalf("the job is at %d (%v), want %d", row.Sequence, err, 6+n)
			}
		}
		w.start()
		w.wait(storage.JobDone, rs...)
	})
}

// TestNumberOfAnotherMessageIsNoPlace: the stream was put back from a backup, and
// others got the numbers.
func TestNumberOfAnotherMessageIsNoPlace(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	rs := w.send(backfills(3)...)
	rows := w.wait(storage.JobQueued, rs...)
	wrong := storage.Place{Job: rows[0].ID, Epoch: rows[0].Epoch, Sequence: rows[1].Sequence}
	if err := w.factory.Ledger().Published(t.Context(), w.sender.Queue(), []storage.Place{wrong}); err != nil {
		t.Fatal(err)
	}
	w.pass(1)
	w.pass(0)
	w.start()
	w.wait(storage.JobDone, rs...)
}

// TestJobsOfAnOlderProgramGetTheirPlace: the row names the queue alone.
func TestJobsOfAnOlderProgramGetTheirPlace(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	rs := w.send(backfills(2)...)
	want := w.wait(storage.JobQueued, rs...)
	if err := w.factory.Ledger().Published(t.Context(), w.sender.Queue(), []storage.Place{{Job: want[0].ID}, {Job: want[1].ID}}); err != nil {
		t.Fatal(err)
	}
	w.pass(0)
	for i, row := range w.wait(storage.JobQueued, rs...) {
		if row.Epoch != want[i].Epoch || row.Sequence != want[i].Sequence {
			t.Errorf("job %d is at %d:%d, want %d:%d", i, row.Epoch, row.Sequence, want[i].Epoch, want[i].Sequence)
		}
	}
}

// TestAcksTellTheNumbers of single messages, of a batch, and of those that were there.
func TestAcksTellTheNumbers(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	s, err := w.js(w.nc).Stream(t.Context(), w.queue.StreamName())
	if err != nil {
		t.Fatal(err)
	}
	message := func(n int) jobs.Message {
		return jobs.Message{Subject: jobs.Subject("test", jobs.LaneNormal, jobs.KindSave), ID: fmt.Sprint("m", n), Body: []byte("x")}
	}
	check := func(messages []jobs.Message, duplicates int) {
		t.Helper()
		for i, ack := range w.sender.Publish(t.Context(), messages) {
			if ack.Err != nil {
				t.Fatal(ack.Err)
			}
			if ack.Duplicate {
				duplicates--
			}
			m, err := s.GetMsg(t.Context(), ack.Sequence)
			if err != nil || m.Header.Get(jetstream.MsgIDHeader) != messages[i].ID {
				t.Fatalf("message %s was said to be at %d (%v)", messages[i].ID, ack.Sequence, err)
			}
		}
		if duplicates != 0 {
			t.Errorf("%d duplicates were not told, or too many", duplicates)
		}
	}
	var all []jobs.Message
	for n := range 300 {
		all = append(all, message(n))
	}
	check(all[:10], 0)
	check(all[10:150], 0) // a batch
	check(all, 150)       // one by one
}

// TestPassReadsPages: more rows than a page holds, some without a message, are looked
// at; those whose message only a queue had are left alone.
func TestPassReadsPages(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		rs := w.send(backfills(620)...)
		bare := storage.Job{
			ID: uuid.New(), Kind: "save", State: storage.JobQueued, Subject: jobs.Subject("test", jobs.LaneNormal, jobs.KindSave),
			Queue: w.sender.Queue(),
		}
		if _, err := w.factory.Ledger().Insert(t.Context(), []storage.Job{bare}); err != nil {
			t.Fatal(err)
		}
		var lost []storage.Place
		for _, i := range []int{0, 1, 499, 500, 501, 619} {
			lost = append(lost, storage.Place{Job: rs[i].ID, Epoch: 1, Sequence: 1})
		}
		if err := w.factory.Ledger().Published(t.Context(), w.sender.Queue(), lost); err != nil {
			t.Fatal(err)
		}
		w.pass(0) // the queue remembers them, and has them
		for i, row := range w.wait(storage.JobQueued, rs...) {
			if row.Epoch == 1 || row.Sequence != uint64(i+1) {
				t.Errorf("job %d is at %d:%d", i, row.Epoch, row.Sequence)
			}
		}
	})
}

func TestOldestMessage(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	oldest := func() time.Time {
		t.Helper()
		at, err := w.sender.Oldest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if at := oldest(); !at.IsZero() {
		t.Errorf("the first message of an empty queue is of %v", at)
	}
	rs := w.send(backfills(1)...)
	first := oldest()
	if time.Since(first).Abs() > time.Minute {
		t.Errorf("the first message is of %v", first)
	}
	w.send(backfills(1)...)
	if at := oldest(); !at.Equal(first) {
		t.Errorf("the first message is of %v after another came, was of %v", at, first)
	}
	w.start()
	w.wait(storage.JobDone, rs...)
	w.drained(jobs.LaneBulk, jobs.KindBackfill)
	if at := oldest(); !at.IsZero() {
		t.Errorf("the first message of an empty queue is of %v", at)
	}
}
