package consumer_test

import (
	"errors"
	"fmt"
	"strings"
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
	if !errors.Is(err, consumer.ErrTooLarge) || rs[0].Err != nil {
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
		body, err := job.Encode()
		if err != nil {
			t.Fatal(err)
		}
		id := jobs.ID(w.factory.ID(), job.ID)
		_, err = w.factory.Ledger().Insert(t.Context(), []storage.Job{{
			ID: id, Text: job.ID, Kind: "backfill", Lane: "bulk", State: storage.JobQueued, Envelope: body, Subject: subject,
			Created: time.Now(),
		}})
		if err != nil {
			t.Fatal(err)
		}
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

// A pass that comes between a submitter's publishing and its note of that must
// not publish a second message.
func TestReconcilerLeavesAFreshMessageAlone(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		rs := w.send(jobs.NewBackfill("tester"))
		row := w.wait(storage.JobQueued, rs...)[0]
		if err := w.factory.Ledger().Published(t.Context(), []uuid.UUID{row.ID}, uuid.Nil); err != nil {
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
