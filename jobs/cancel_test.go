package jobs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// TestRunningJobsAreCancelledWithinASecond: the job's own process looks for the wish.
func TestRunningJobsAreCancelledWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.load = func(ctx context.Context, _ func(storage.Progress)) error {
			<-ctx.Done()
			return ctx.Err()
		}
		id, asked := jobs.ID(b.factory.ID(), "l"), time.Time{}
		go func() {
			time.Sleep(10 * time.Second)
			asked = time.Now()
			if _, err := b.factory.Ledger().Cancel(t.Context(), id); err != nil {
				t.Error(err)
			}
		}()
		v := b.expect(t, []string{"ack"}, loadDelivery("l"))[0]
		if took := time.Since(asked); v.State != storage.JobCancelled || took > time.Second {
			t.Fatalf("%s after %s", v.State, took)
		}
	})
}

// TestSavesAreCancelled: one that has a row ends at once, in whatever state its message
// is; what is being written when it ends is written or not, as the row says.
func TestSavesAreCancelled(t *testing.T) {
	recorded := map[string]any{"expires": "2100-01-01T00:00:00Z"}
	for name, when := range map[string]func(b *bench, cancel func()){
		"before it begins":  func(_ *bench, cancel func()) { cancel() },
		"while it is begun": func(b *bench, cancel func()) { b.wait = func(context.Context) error { cancel(); return nil } },
		"after it was done": nil,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			d := with(t, save("a", 1), recorded)
			row := storage.Job{ID: jobs.ID(b.factory.ID(), "job-a"), Text: "job-a", Kind: "save", Model: "m", Envelope: d.Body}
			if _, err := b.factory.Ledger().Insert(t.Context(), []storage.Job{row}); err != nil {
				t.Fatal(err)
			}
			if when == nil {
				b.expect(t, []string{"ack"}, d)
				if _, err := b.factory.Ledger().Cancel(t.Context(), row.ID); err == nil {
					t.Fatal("a done job was cancelled")
				}
				return
			}
			when(b, func() {
				if _, err := b.factory.Ledger().Cancel(t.Context(), row.ID); err != nil {
					t.Error(err)
				}
			})
			v := b.expect(t, []string{"ack", "ack"}, d, save("other", 1))
			if v[0].State != storage.JobCancelled || v[1].State != storage.JobDone || b.row(t, "job-a").State != storage.JobCancelled {
				t.Fatalf("%+v", v)
			}
			m, err := b.catalog.Open(t.Context(), "m")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Get(t.Context(), "a", manager.GetOptions{}); err == nil {
				t.Fatal("it took effect")
			}
		})
	}
}
