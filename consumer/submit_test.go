package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func TestManySavesAreSubmittedOnce(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	var saves []jobs.Envelope
	for i := range 2500 {
		saves = append(saves, w.create(fmt.Sprintf("p%d", i)))
	}
	w.send(saves[100:200]...)
	rs := w.send(saves...)
	for i, r := range rs {
		if known := i >= 100 && i < 200; r.Duplicate != known || r.Text != saves[i].ID {
			t.Fatalf("receipt %d: %+v", i, r)
		}
	}
	n, err := w.sender.Waiting(t.Context(), jobs.Subject("test", jobs.LaneNormal, jobs.KindSave))
	if err != nil || n != uint64(len(saves)) {
		t.Fatalf("%d messages wait, %v", n, err)
	}
}

func TestLoadIsInTheLedgerBeforeItIsPublished(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		load := jobs.NewLoad("tester", jobs.Load{Source: "upload:x"})
		rs := w.send(load)
		row := w.wait(storage.JobQueued, rs...)[0]
		if row.Queue != w.sender.Queue() || len(row.Envelope) == 0 || row.Kind != "load" || row.Lane != "bulk" {
			t.Fatalf("row: %+v", row)
		}
		if again := w.send(load); !again[0].Duplicate {
			t.Fatalf("second receipt: %+v", again[0])
		}
		load.Args = jobs.Load{Source: "upload:y"}
		var differs *storage.JobDiffersError
		if _, err := w.submit.Submit(t.Context(), load); !errors.As(err, &differs) {
			t.Fatalf("other content under the same id: %v", err)
		}
	})
}

func TestRefusedEnvelopeIsNotSent(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	bad := w.create("p1")
	bad.Model = ""
	var wrong *jobs.EnvelopeError
	if _, err := w.submit.Submit(t.Context(), bad); !errors.As(err, &wrong) || wrong.Field != "model" {
		t.Fatalf("Submit = %v", err)
	}
}

// TestMessageTooLargeForTheQueueIsRefused: an envelope may be as long as the
// server's largest payload, but headers come on top.
func TestMessageTooLargeForTheQueueIsRefused(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	big := w.create("big")
	op := &big.Args.(jobs.Save).Operations[0]
	for op.Data = []byte(`""`); ; {
		body, err := big.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if left := jobs.MaxMessageBytes - len(body); left > 0 {
			op.Data = fmt.Appendf(nil, "%q", strings.Repeat("x", len(op.Data)-2+left))
			continue
		}
		break
	}
	rs, err := w.submit.Submit(t.Context(), w.create("small"), big)
	var large *jobs.TooLargeError
	if !errors.As(err, &large) || large.Job != big.ID || rs[0].Err != nil {
		t.Fatalf("Submit = %v", err)
	}
}

func TestReconcilerPublishesWhatHasNoMessage(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		r := &jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender}
		subject := jobs.Subject("test", jobs.LaneBulk, jobs.KindBackfill)
		waiting := func(want uint64) {
			t.Helper()
			if n, err := w.sender.Waiting(t.Context(), subject); err != nil || n != want {
				t.Fatalf("%d messages wait, want %d: %v", n, want, err)
			}
		}
		pass := func(want int) {
			t.Helper()
			if n, err := r.Pass(t.Context()); err != nil || n != want {
				t.Fatalf("Pass = %d, %v; want %d", n, err, want)
			}
		}
		// The submitter died after the ledger row.
		job := jobs.NewBackfill("tester")
		id := w.queued(job, time.Now()).ID
		pass(1)
		waiting(1)
		pass(0)
		// The queue lost the message but remembers its id.
		s, err := w.js(w.nc).Stream(t.Context(), w.queue.StreamName())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		pass(1)
		waiting(1)
		w.start()
		w.wait(storage.JobDone, jobs.Receipt{ID: id, Text: job.ID})
		w.drained(jobs.LaneBulk, jobs.KindBackfill)
		pass(0)
	})
}

// TestReconcilerTakesOverFromAQueueThatIsGone: the data directory with the queue
// was lost, the store was not.
func TestReconcilerTakesOverFromAQueueThatIsGone(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	job := jobs.NewBackfill("tester")
	row := w.queued(job, time.Now().Add(-time.Hour))
	fresh := w.queued(jobs.NewBackfill("tester"), time.Now())
	l := w.factory.Ledger()
	if err := l.Published(t.Context(), uuid.New(), []storage.Place{{Job: row.ID}, {Job: fresh.ID}}); err != nil {
		t.Fatal(err)
	}
	r := &jobs.Reconciler{Ledger: l, Publisher: w.sender}
	if n, err := r.Pass(t.Context()); err != nil || n != 1 {
		t.Fatalf("Pass = %d, %v", n, err)
	}
	w.start()
	w.wait(storage.JobDone, jobs.Receipt{ID: row.ID, Text: row.Text})
	w.wait(storage.JobQueued, jobs.Receipt{ID: fresh.ID, Text: fresh.Text})
}

// TestReconcilerPublishesARetriedJobOnABusySubject: a user had a dead job tried
// again and was killed before it was published; other jobs wait in its lane.
func TestReconcilerPublishesARetriedJobOnABusySubject(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	job := jobs.NewBackfill("tester")
	row := w.queued(job, time.Now().Add(-time.Hour))
	other := w.send(job, jobs.NewBackfill("tester")) // the queue remembers the id
	l := w.factory.Ledger()
	h, _ := w.start()
	w.wait(storage.JobDone, other...)
	w.drained(jobs.LaneBulk, jobs.KindBackfill)
	w.stop(h)
	if err := l.Drop(t.Context(), row.ID); err != nil {
		t.Fatal(err)
	}
	w.queued(job, time.Now().Add(-time.Hour))
	w.send(jobs.NewBackfill("tester"))
	r := &jobs.Reconciler{Ledger: l, Publisher: w.sender}
	if n, err := r.Pass(t.Context()); err != nil || n != 1 {
		t.Fatalf("Pass = %d, %v", n, err)
	}
	w.start()
	w.wait(storage.JobDone, jobs.Receipt{ID: row.ID, Text: row.Text})
}

// queued writes the row of a job without its message.
func (w *world) queued(e jobs.Envelope, created time.Time) storage.Job {
	w.t.Helper()
	body, err := e.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	row := storage.Job{
		ID: jobs.ID(w.factory.ID(), e.ID), Text: e.ID, Kind: string(e.Kind()), Lane: string(e.Lane), State: storage.JobQueued,
		Envelope: body, Subject: jobs.Subject("test", e.Lane, e.Kind()), Created: created,
	}
	if _, err := w.factory.Ledger().Insert(w.t.Context(), []storage.Job{row}); err != nil {
		w.t.Fatal(err)
	}
	return row
}

// A pass that comes between a submitter's publishing and its note of that must
// not publish a second message.
func TestReconcilerLeavesAFreshMessageAlone(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		rs := w.send(jobs.NewBackfill("tester"))
		row := w.wait(storage.JobQueued, rs...)[0]
		if err := w.factory.Ledger().Published(t.Context(), uuid.Nil, []storage.Place{{Job: row.ID}}); err != nil {
			t.Fatal(err)
		}
		r := &jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender}
		if _, err := r.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := w.sender.Waiting(t.Context(), row.Subject); err != nil || n != 1 {
			t.Fatalf("%d messages wait, want 1: %v", n, err)
		}
		if row := w.wait(storage.JobQueued, rs...)[0]; row.Queue != w.sender.Queue() {
			t.Fatalf("row after the pass: %+v", row)
		}
	})
}

// TestReconcilerFillsAStreamThatWasMadeAnew long before its next regular pass.
func TestReconcilerFillsAStreamThatWasMadeAnew(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	r := &jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender, Every: time.Hour}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	defer running.Wait()
	defer cancel()
	rs := w.send(jobs.NewBackfill("tester"), jobs.NewBackfill("tester"))
	js := w.js(w.nc)
	if err := js.DeleteStream(t.Context(), w.queue.StreamName()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if err := consumer.EnsureStreams(t.Context(), js, w.queue); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	w.start()
	w.wait(storage.JobDone, rs...)
	if took := time.Since(begin); took > 25*time.Second { // 2 s on a quiet machine
		t.Errorf("they were done after %s", took)
	}
}
