package consumer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// wantSuperseded checks that a save of p1 came after a newer one and did nothing.
func (w *world) wantSuperseded(late jobs.Receipt, newer string) {
	w.t.Helper()
	row := w.wait(storage.JobDone, late)[0]
	var ended struct{ Outcomes []manager.Outcome }
	if err := json.Unmarshal(row.Outcome, &ended); err != nil || len(ended.Outcomes) != 1 || ended.Outcomes[0].Effect != manager.EffectSuperseded {
		w.t.Fatalf("the late save ended with %s (%v)", row.Outcome, err)
	}
	m, err := w.catalog.Open(w.t.Context(), "person")
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := m.Get(w.t.Context(), "p1", manager.GetOptions{})
	if err != nil || string(got.Data) != newer || w.revisions("p1") != 1 {
		w.t.Fatalf("p1 has %d revisions and is %s (%v)", w.revisions("p1"), got.Data, err)
	}
}

// value returns the envelope of a save that sets p1.
func (w *world) value(n int) jobs.Envelope {
	return jobs.NewSave("person", "tester", manager.Operation{Op: manager.OpUpsert, ResourceID: "p1", Data: fmt.Appendf(nil, `{"n":%d}`, n)})
}

const newerValue = `{"n":2}`

// TestParkedSaveThatComesLateIsSuperseded: it waited in the ledger while another worker
// applied a newer one, and was published again then.
func TestParkedSaveThatComesLateIsSuperseded(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.executor = func(x *jobs.Executor) consumer.Executor {
			x.RetryMin, x.RetryMax = time.Hour, time.Hour
			x.Saver = &faultySaver{Saver: x.Saver, poison: "p1", fault: func() error { return errTest }}
			return x
		}
		h, _ := w.start()
		late := w.send(w.value(1))[0]
		var parked storage.Job
		w.until("the save waits in the ledger", func() (err error) {
			if parked, err = w.factory.Ledger().Get(t.Context(), late.ID); err == nil && parked.NotBefore.IsZero() {
				err = errors.New("it does not")
			}
			return err
		})
		w.stop(h)
		w.executor = nil
		w.start()
		w.wait(storage.JobDone, w.send(w.value(2))...)
		parked.NotBefore = time.Now().Add(-time.Second).UTC().Truncate(time.Microsecond)
		if _, err := w.factory.Ledger().Park(t.Context(), []storage.Job{parked}); err != nil {
			t.Fatal(err)
		}
		w.wantSuperseded(late, newerValue)
	})
}

// TestRetriedSaveThatComesLateIsSuperseded: it was dead when a newer one was applied.
func TestRetriedSaveThatComesLateIsSuperseded(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		var works atomic.Bool
		w.withSaver(&faultySaver{poison: "p1", fault: func() error {
			if works.Load() {
				return nil
			}
			return errTest
		}})
		w.start()
		e := w.value(1)
		e.Attempts = 1
		late := w.send(e)[0]
		w.wait(storage.JobDead, late)
		works.Store(true)
		w.wait(storage.JobDone, w.send(w.value(2))...)
		if _, err := w.operator().Retry(t.Context(), late.ID); err != nil {
			t.Fatal(err)
		}
		w.wantSuperseded(late, newerValue)
	})
}

// TestReconciledSaveThatComesLateIsSuperseded: its message was lost and a newer one was
// applied before the reconciler published it again.
func TestReconciledSaveThatComesLateIsSuperseded(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		rs, err := w.submit.InLedger().Submit(t.Context(), w.value(1))
		if err != nil {
			t.Fatal(err)
		}
		row := w.wait(storage.JobQueued, rs[0])[0]
		stream, err := w.js(w.nc).Stream(t.Context(), w.queue.StreamName())
		if err == nil {
			err = stream.DeleteMsg(t.Context(), row.Sequence)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.start()
		w.wait(storage.JobDone, w.send(w.value(2))...)
		r := &jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender}
		if n, err := r.Pass(t.Context()); err != nil || n != 1 {
			t.Fatalf("%d were published, %v", n, err)
		}
		w.wantSuperseded(rs[0], newerValue)
	})
}
