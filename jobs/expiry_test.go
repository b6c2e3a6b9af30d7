package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// retry does what an operator does to a job.
func (b *bench) retry(t *testing.T, text string) {
	t.Helper()
	act := storage.Act{Verb: storage.VerbRetry, Job: jobs.ID(b.factory.ID(), text), By: "alice"}
	if _, err := b.factory.Ledger().Act(t.Context(), act); err != nil {
		t.Fatal(err)
	}
}

// TestARetryLiftsAnExpiryThatIsOver: whoever has a job tried again after its time wants it
// to be done.
func TestARetryLiftsAnExpiryThatIsOver(t *testing.T) {
	b := newBench()
	b.load = func(context.Context, func(storage.Progress)) error {
		return &jobs.RefusedError{Code: "ran", Err: errors.New("it ran")}
	}
	late := map[string]any{"expires": "2020-01-01T00:00:00Z"}
	a, l := with(t, save("a", 1), late), with(t, loadDelivery("l"), late)
	b.expect(t, []string{"bury", "bury"}, a, l)
	b.retry(t, "job-a")
	b.retry(t, "l")
	vs := b.expect(t, []string{"ack", "ack"}, a, l)
	if row := b.row(t, "job-a"); vs[1].Code != "ran" || row.State != storage.JobDone {
		t.Fatalf("%+v, %+v", vs, row)
	}
}

// TestARetryKeepsAnExpiryToCome: a job that died of something else in time has the rest
// of it, and one that died of something else and is tried again too late is done.
func TestARetryKeepsAnExpiryToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.fault = func([]string) error { return errors.New("no") }
		once := map[string]any{"expires": time.Now().Add(time.Minute).Format(time.RFC3339), "attempts": 1}
		early, late := with(t, save("early", 1), once), with(t, save("late", 1), once)
		b.expect(t, []string{"bury"}, early)
		b.expect(t, []string{"bury"}, late)
		b.retry(t, "job-early")
		time.Sleep(time.Hour)
		b.retry(t, "job-late")
		b.fault = nil
		if v := b.expect(t, []string{"bury", "ack"}, early, late)[0]; v.Code != jobs.CodeExpired {
			t.Fatalf("%+v", v)
		}
	})
}

// TestARetryThatWasRefusedLiftsNothing: the trail has what was refused, too.
func TestARetryThatWasRefusedLiftsNothing(t *testing.T) {
	b := newBench()
	d := with(t, save("a", 1), map[string]any{"expires": "2020-01-01T00:00:00Z"})
	row := storage.Job{ID: jobs.ID(b.factory.ID(), "job-a"), Text: "job-a", Kind: "save", State: storage.JobQueued}
	if _, err := b.factory.Ledger().Insert(t.Context(), []storage.Job{row}); err != nil {
		t.Fatal(err)
	}
	act := storage.Act{Verb: storage.VerbRetry, Job: row.ID, By: "alice"}
	if _, err := b.factory.Ledger().Act(t.Context(), act); !errors.Is(err, storage.ErrNotEnded) {
		t.Fatal(err)
	}
	if v := b.expect(t, []string{"bury"}, d)[0]; v.Code != jobs.CodeExpired {
		t.Fatalf("%+v", v)
	}
}
