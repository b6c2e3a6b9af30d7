package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// upload puts a golden archive where loads may read it.
func (w *world) upload(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		w.t.Fatal(err)
	}
	dir := w.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.sources = jobs.FileSources{Uploads: dir, Temp: w.t.TempDir()}
	return "upload:" + name
}

func TestLoadCausesBackfillOfRowsWithoutRevFields(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.catalog = manager.NewCatalog(w.factory, blobsOf(t, w.factory), manager.Options{})
		source := w.upload("small_0.8.5.acbak")
		w.start()
		rs := w.send(jobs.NewLoad("tester", jobs.Load{Source: source}))
		row := w.wait(storage.JobDone, rs...)[0]
		var loaded manager.LoadOutcome
		if err := json.Unmarshal(row.Outcome, &loaded); err != nil || loaded.Models["person"].Loaded != 8 || row.Done != 13 || row.Total != 13 {
			t.Fatalf("outcome %s: %v", row.Outcome, err)
		}
		child := w.child(rs[0].ID)
		child = w.wait(storage.JobDone, jobs.Receipt{ID: child.ID, Text: child.Text})[0]
		var filled struct {
			Models map[string]manager.BackfillStats `json:"models"`
		}
		if err := json.Unmarshal(child.Outcome, &filled); err != nil {
			t.Fatal(err)
		}
		total := int64(0)
		for _, s := range filled.Models {
			total += s.Updated
		}
		if total == 0 {
			t.Fatalf("the backfill did nothing: %s", child.Outcome)
		}
	})
}

// child waits for the job that another one caused.
func (w *world) child(parent uuid.UUID) (child storage.Job) {
	w.t.Helper()
	w.until("a job is caused", func() error {
		for row, err := range w.factory.Ledger().List(w.t.Context(), storage.JobFilter{Parent: parent}) {
			child = row
			return err
		}
		return errors.New("none yet")
	})
	return child
}

func TestLoadWithRulesOffCausesNothing(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	w.catalog = manager.NewCatalog(w.factory, blobsOf(t, w.factory), manager.Options{})
	source := w.upload("small_0.8.5.acbak")
	w.start()
	load := jobs.NewLoad("tester", jobs.Load{Source: source})
	load.RulesOff = true
	rs := w.send(load)
	w.wait(storage.JobDone, rs...)
	w.drained(jobs.LaneBulk, jobs.KindLoad)
	for row, err := range w.factory.Ledger().List(t.Context(), storage.JobFilter{Parent: rs[0].ID}) {
		t.Fatalf("caused %s, %v", row.Kind, err)
	}
}

func TestRefusedLoadsSayWhy(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	w.catalog = manager.NewCatalog(w.factory, blobsOf(t, w.factory), manager.Options{})
	source := w.upload("small_0.8.5.acbak")
	w.start()
	for name, tc := range map[string]struct {
		load jobs.Load
		code string
	}{
		"no such upload":  {jobs.Load{Source: "upload:nothing"}, jobs.CodeSourceNotFound},
		"outside":         {jobs.Load{Source: "file:/etc/hostname"}, jobs.CodeSourceRefused},
		"changed since":   {jobs.Load{Source: source, Modified: time.Unix(1, 0)}, jobs.CodeSourceChanged},
		"section unknown": {jobs.Load{Source: source, Models: []string{"nobody"}}, jobs.CodeModelUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			row := w.wait(storage.JobRefused, w.send(jobs.NewLoad("tester", tc.load))...)[0]
			if row.ErrorCode != tc.code {
				t.Fatalf("code %q, want %q: %s", row.ErrorCode, tc.code, row.ErrorMessage)
			}
		})
	}
}

// blockingLoader waits for the end of its context.
type blockingLoader struct{ begun chan struct{} }

func (blockingLoader) Unstage(context.Context, storage.Claim) error { return nil }

func (b blockingLoader) Load(ctx context.Context, _ storage.Claim, _ jobs.Actor, _ jobs.Load, _ func(storage.Progress)) error {
	b.begun <- struct{}{}
	<-ctx.Done()
	return context.Cause(ctx)
}

// withLoader replaces the loader and shortens the lease.
func (w *world) withLoader(l jobs.Loader, lease time.Duration) {
	w.executor = func(x *jobs.Executor) consumer.Executor {
		x.Loader, x.Lease = l, lease
		return x
	}
}

func TestRunningLoadIsCancelled(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		block := blockingLoader{make(chan struct{}, 10)}
		w.withLoader(block, 300*time.Millisecond)
		w.start()
		rs := w.send(jobs.NewLoad("tester", jobs.Load{Source: "upload:x"}))
		<-block.begun
		if _, err := w.factory.Ledger().Cancel(t.Context(), rs[0].ID); err != nil {
			t.Fatal(err)
		}
		w.wait(storage.JobCancelled, rs...)
		w.drained(jobs.LaneBulk, jobs.KindLoad)
	})
}

func TestAbortedLoadIsHandedBackUncounted(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		block := blockingLoader{make(chan struct{}, 10)}
		w.withLoader(block, time.Minute)
		h, _ := w.start()
		rs := w.send(jobs.NewLoad("tester", jobs.Load{Source: "upload:x"}))
		<-block.begun
		h.Abort(errTest)
		if err := h.Join(t.Context()); !errors.Is(err, errTest) {
			t.Fatalf("Join = %v", err)
		}
		row := w.wait(storage.JobQueued, rs...)[0]
		if row.Attempt != 0 {
			t.Fatalf("%d attempts are counted", row.Attempt)
		}
		h, _ = w.start()
		<-block.begun
		w.wait(storage.JobRunning, rs...)
		h.Abort(errTest)
	})
}

// TestLongJobOutlivesAckWait holds a job for several times AckWait.
func TestLongJobOutlivesAckWait(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	w.ackWait = 300 * time.Millisecond
	slow := slowLoader{make(chan struct{}, 10), 5 * w.ackWait}
	w.withLoader(slow, time.Minute)
	w.start()
	rs := w.send(jobs.NewLoad("tester", jobs.Load{Source: "upload:x"}))
	w.wait(storage.JobRefused, rs...)
	w.drained(jobs.LaneBulk, jobs.KindLoad)
	if n := len(slow.begun); n != 1 {
		t.Fatalf("the job ran %d times", n)
	}
}

// slowLoader takes its time and refuses.
type slowLoader struct {
	begun chan struct{}
	takes time.Duration
}

func (slowLoader) Unstage(context.Context, storage.Claim) error { return nil }

func (s slowLoader) Load(context.Context, storage.Claim, jobs.Actor, jobs.Load, func(storage.Progress)) error {
	s.begun <- struct{}{}
	<-time.After(s.takes)
	return &jobs.RefusedError{Code: "test", Err: errTest}
}

func blobsOf(t *testing.T, f storage.Factory) storage.BlobStore {
	t.Helper()
	b, err := storage.BuildBlobStore(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
