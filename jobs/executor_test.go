package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// bench is an executor over a store in memory, with hooks below it.
type bench struct {
	*jobs.Executor
	factory *memory.Factory
	catalog *manager.Catalog
	batches [][]string // resource ids of each unit of work that was tried
	fault   func(ids []string) error
	wait    func(context.Context) error // before anything is written
	load    func(context.Context, func(storage.Progress)) error
	swept   int
	// loadUnder, when not nil, is called instead of load.
	loadUnder func(context.Context, storage.Claim) error
}

func newBench() *bench {
	f := memory.New()
	b := &bench{factory: f, catalog: manager.NewCatalog(f, nil, manager.Options{})}
	b.Executor = jobs.NewExecutor(jobs.Config{
		Store: f.ID(), Ledger: f.Ledger(), Queue: uuid.New(), Saver: b, Loader: b,
		Backfiller: &jobs.CatalogWork{Catalog: b.catalog}, Migrator: &jobs.CatalogWork{Catalog: b.catalog}, Lease: time.Minute,
	})
	return b
}

func (b *bench) SaveJobs(ctx context.Context, model string, js []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	var ids []string
	for _, j := range js {
		ids = append(ids, string(j.Operations[0].ResourceID))
	}
	b.batches = append(b.batches, ids)
	if b.fault != nil {
		if err := b.fault(ids); err != nil {
			return nil, err
		}
	}
	if b.wait != nil {
		if err := b.wait(ctx); err != nil {
			return nil, err
		}
	}
	return (&jobs.CatalogWork{Catalog: b.catalog}).SaveJobs(ctx, model, js)
}

func (b *bench) Load(ctx context.Context, c storage.Claim, _ jobs.Actor, _ jobs.Load, progress func(storage.Progress)) error {
	if b.loadUnder != nil {
		return b.loadUnder(ctx, c)
	}
	return b.load(ctx, progress)
}

func (b *bench) Unstage(context.Context, storage.Claim) error {
	b.swept++
	return nil
}

// save returns a delivery that creates a resource; its message id is the resource's.
func save(id string, number int) jobs.Delivery {
	return jobs.Delivery{
		MessageID: "job-" + id, Number: number, Published: time.Unix(1700000000, 0).UTC(),
		Body: fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"m","args":{"op":"create","resource_id":%q,"data":{}}}`, id),
	}
}

func loadDelivery(id string) jobs.Delivery {
	return jobs.Delivery{
		MessageID: id, Number: 1, Published: time.Unix(1700000000, 0).UTC(),
		Body: []byte(`{"schema":1,"kind":"load","args":{"source":"upload:x"}}`),
	}
}

func (b *bench) row(t *testing.T, text string) storage.Job {
	t.Helper()
	row, err := b.factory.Ledger().Get(t.Context(), jobs.ID(b.factory.ID(), text))
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func actions(vs []jobs.Verdict) []string {
	var all []string
	for _, v := range vs {
		all = append(all, v.Action.String())
	}
	return all
}

func TestOneBatchForOneModel(t *testing.T) {
	b := newBench()
	vs := b.Execute(t.Context(), []jobs.Delivery{save("a", 1), save("b", 1), save("c", 1)})
	if !slices.Equal(actions(vs), []string{"ack", "ack", "ack"}) || len(b.batches) != 1 {
		t.Fatalf("%v in batches %v", actions(vs), b.batches)
	}
	for _, v := range vs {
		if v.State != storage.JobDone || v.Repeated || v.Operations != 1 {
			t.Fatalf("verdict %+v", v)
		}
	}
}

func TestTwinsInOneBatch(t *testing.T) {
	b := newBench()
	other := save("z", 1)
	other.MessageID = "job-a"
	vs := b.Execute(t.Context(), []jobs.Delivery{save("a", 1), save("a", 1), other})
	if !slices.Equal(actions(vs), []string{"ack", "ack", "bury"}) || !vs[1].Repeated || vs[2].Code != jobs.CodeDiffers {
		t.Fatalf("%+v", vs)
	}
	if b.row(t, vs[2].Text).State != storage.JobDead || vs[2].ID == vs[0].ID || b.row(t, "job-a").State != storage.JobDone {
		t.Fatal("the other message touched the job whose id it used")
	}
}

func TestBisectingLeavesThePoisonAlone(t *testing.T) {
	b := newBench()
	b.fault = func(ids []string) error {
		if slices.Contains(ids, "c") {
			return errors.New("value out of range")
		}
		return nil
	}
	var ds []jobs.Delivery
	for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
		ds = append(ds, save(id, 1))
	}
	vs := b.Execute(t.Context(), ds)
	if !slices.Equal(actions(vs), []string{"ack", "ack", "retry", "ack", "ack", "ack"}) {
		t.Fatalf("%v", actions(vs))
	}
	row := b.row(t, "job-c")
	if row.Attempt != 1 || row.State != storage.JobQueued || vs[2].After <= 0 {
		t.Fatalf("row %+v, verdict %+v", row, vs[2])
	}
}

func TestThirdAttemptRunsAloneInItsPlace(t *testing.T) {
	b := newBench()
	fail := true
	b.fault = func(ids []string) error {
		if fail && slices.Contains(ids, "b") {
			return errors.New("no")
		}
		return nil
	}
	for i := range 2 {
		b.Execute(t.Context(), []jobs.Delivery{save("b", i+1)})
	}
	fail, b.batches = false, nil
	vs := b.Execute(t.Context(), []jobs.Delivery{save("a", 1), save("b", 3), save("c", 1)})
	if !slices.Equal(actions(vs), []string{"ack", "ack", "ack"}) || vs[1].Attempt != 3 {
		t.Fatalf("%+v", vs)
	}
	if got := fmt.Sprint(b.batches); got != "[[a] [b] [c]]" {
		t.Fatalf("batches %s", got)
	}
}

// TestJobThatKillsTheProcessDies: attempts are counted before they are made. It is doubted
// once, since another worker may be about to take one back.
func TestJobThatKillsTheProcessDies(t *testing.T) {
	b := newBench()
	row := storage.Job{ID: jobs.ID(b.factory.ID(), "job-a"), Text: "job-a", Kind: "save"}
	for range jobs.DefaultMaxAttempts {
		if _, err := b.factory.Ledger().Attempt(t.Context(), []storage.Job{row}); err != nil {
			t.Fatal(err)
		}
	}
	if v := b.expect(t, []string{"ack"}, save("a", 9))[0]; !v.Waits() || v.Code != jobs.CodeAttempts || v.NotBefore.IsZero() {
		t.Fatalf("%+v", v)
	}
	vs := b.Execute(t.Context(), []jobs.Delivery{save("a", 10)})
	if vs[0].Action != jobs.ActionBury || vs[0].Code != jobs.CodeAttempts || len(b.batches) != 0 {
		t.Fatalf("%+v after batches %v", vs[0], b.batches)
	}
}

func TestOutageRefundsAttempts(t *testing.T) {
	b := newBench()
	b.fault = func([]string) error { return fmt.Errorf("disk full: %w", storage.ErrUnavailable) }
	for i := range 5 {
		vs := b.Execute(t.Context(), []jobs.Delivery{save("a", i+1), save("b", i+1)})
		if !slices.Equal(actions(vs), []string{"pause", "pause"}) {
			t.Fatalf("%v", actions(vs))
		}
	}
	if row := b.row(t, "job-a"); row.Attempt != 0 {
		t.Fatalf("%d attempts are counted", row.Attempt)
	}
}

func TestEndOfContextRefundsAttempts(t *testing.T) {
	b := newBench()
	ctx, cancel := context.WithCancel(t.Context())
	b.fault = func([]string) error { cancel(); return context.Canceled }
	vs := b.Execute(ctx, []jobs.Delivery{save("a", 2)})
	if vs[0].Action != jobs.ActionRetry || vs[0].After != 0 || vs[0].Code != jobs.CodeShutdown {
		t.Fatalf("%+v", vs[0])
	}
	if row := b.row(t, "job-a"); row.Attempt != 0 {
		t.Fatalf("%d attempts are counted", row.Attempt)
	}
}

func TestTimeOfTheQueueIsUsedWhenNoneIsGiven(t *testing.T) {
	b := newBench()
	b.Execute(t.Context(), []jobs.Delivery{save("a", 1)})
	m, err := b.catalog.Open(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	meta, err := m.GetMeta(t.Context(), resource.ID("a"))
	if err != nil || !meta.CreatedTime.Equal(time.Unix(1700000000, 0)) {
		t.Fatalf("created %v, %v", meta.CreatedTime, err)
	}
}

func TestLeasedJobWaitsForTheLease(t *testing.T) {
	b := newBench()
	id := jobs.ID(b.factory.ID(), "load-1")
	if _, _, err := b.factory.Ledger().Claim(t.Context(), storage.Job{ID: id, Kind: "load"}, 40*time.Second); err != nil {
		t.Fatal(err)
	}
	v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("load-1")})[0]
	if v.Action != jobs.ActionRetry || v.After < 30*time.Second || v.After > 40*time.Second || v.State != storage.JobRunning {
		t.Fatalf("%+v", v)
	}
}

func TestLostClaimEndsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.load = func(ctx context.Context, _ func(storage.Progress)) error {
			if _, err := b.factory.Ledger().Takeover(t.Context(), b.Queue); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			return ctx.Err()
		}
		v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("load-1")})[0]
		if v.Action != jobs.ActionRetry || !errors.Is(v.Err, storage.ErrFenced) {
			t.Fatalf("%+v", v)
		}
	})
}

func TestHeartbeatKeepsTheLeaseAndRecordsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.load = func(_ context.Context, progress func(storage.Progress)) error {
			progress(storage.Progress{Done: 3, Total: 7})
			time.Sleep(10 * time.Minute)
			row := b.row(t, "load-1")
			if row.Done != 3 || row.Total != 7 || !row.LeaseUntil.After(time.Now()) {
				t.Errorf("row %+v", row)
			}
			return &jobs.RefusedError{Code: "test", Err: errors.New("enough")}
		}
		v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("load-1")})[0]
		if v.Action != jobs.ActionAck || v.State != storage.JobRefused || v.Code != "test" {
			t.Fatalf("%+v", v)
		}
		if b.swept != 1 {
			t.Fatalf("swept %d times", b.swept)
		}
	})
}

func TestCancelledLoadEndsBeforeTheNextBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.load = func(ctx context.Context, _ func(storage.Progress)) error {
			if _, err := b.factory.Ledger().Cancel(t.Context(), jobs.ID(b.factory.ID(), "load-1")); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("load-1")})[0]
		if v.Action != jobs.ActionAck || v.State != storage.JobCancelled || b.swept != 1 {
			t.Fatalf("%+v, swept %d times", v, b.swept)
		}
		if took := time.Since(began); took >= time.Second {
			t.Fatalf("the load ended %s after its cancellation", took)
		}
	})
}

func TestFailingLoadDiesAfterItsAttempts(t *testing.T) {
	b := newBench()
	b.load = func(context.Context, func(storage.Progress)) error { panic("broken") }
	for i := range jobs.DefaultMaxAttempts {
		v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("load-1")})[0]
		p, ok := errors.AsType[*jobs.PanicError](v.Err)
		if !ok || len(p.Stack) == 0 || v.Attempt != i+1 {
			t.Fatalf("%+v", v)
		}
		if last := i+1 == jobs.DefaultMaxAttempts; (v.Action == jobs.ActionBury) != last {
			t.Fatalf("attempt %d: %s", v.Attempt, v.Action)
		}
	}
	if row := b.row(t, "load-1"); row.State != storage.JobDead || row.ErrorCode != jobs.CodePanic || len(row.Envelope) == 0 {
		t.Fatalf("row %+v", row)
	}
}

// TestKilledBatchDoesNotKillTheInnocent: a worker that is killed again and again
// counts the whole batch, but only what runs alone can use up its attempts.
func TestKilledBatchDoesNotKillTheInnocent(t *testing.T) {
	b := newBench()
	for i := range 3 * jobs.DefaultMaxAttempts {
		b.fault = func(ids []string) error {
			if slices.Contains(ids, "a") {
				runtime.Goexit() // as sudden as a kill: nothing is given back
			}
			return nil
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.Execute(t.Context(), []jobs.Delivery{save("a", i+2), save("b", i+2), save("c", i+2)})
		}()
		<-ended
	}
	b.fault = nil
	vs := b.Execute(t.Context(), []jobs.Delivery{save("a", 99), save("b", 99), save("c", 99)})
	if !slices.Equal(actions(vs), []string{"bury", "ack", "ack"}) || vs[0].Code != jobs.CodeAttempts || vs[1].State != storage.JobDone {
		t.Fatalf("%+v", vs)
	}
}

func TestLoadOutlivesManyWorkers(t *testing.T) {
	b := newBench()
	l := b.factory.Ledger()
	id := jobs.ID(b.factory.ID(), "load-1")
	for range 3 * jobs.DefaultMaxAttempts {
		if _, _, err := l.Claim(t.Context(), storage.Job{ID: id, Text: "load-1", Kind: "load", Queue: b.Queue}, time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Takeover(t.Context(), b.Queue); err != nil {
			t.Fatal(err)
		}
	}
	b.load = func(context.Context, func(storage.Progress)) error {
		return &jobs.RefusedError{Code: "ran", Err: errors.New("it ran")}
	}
	v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("load-1")})[0]
	if v.Code != "ran" {
		t.Fatalf("%+v", v)
	}
}

// TestShutdownDoesNotUseUpTheAttemptsOfAKilledLoad: that it was handed back once
// says nothing against a load whose workers are killed afterwards.
func TestShutdownDoesNotUseUpTheAttemptsOfAKilledLoad(t *testing.T) {
	b := newBench()
	l := b.factory.Ledger()
	row := storage.Job{ID: jobs.ID(b.factory.ID(), "load-1"), Text: "load-1", Kind: "load", Queue: b.Queue}
	_, claim, err := l.Claim(t.Context(), row, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(t.Context(), claim, true, jobs.CodeShutdown, "stopped"); err != nil {
		t.Fatal(err)
	}
	for range 3 * jobs.DefaultMaxAttempts {
		if _, _, err := l.Claim(t.Context(), row, time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Takeover(t.Context(), b.Queue); err != nil {
			t.Fatal(err)
		}
	}
	b.load = func(context.Context, func(storage.Progress)) error { return errors.New("no") }
	// Its own failures are counted by themselves.
	for i := range jobs.DefaultMaxAttempts {
		v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("load-1")})[0]
		if last := i+1 == jobs.DefaultMaxAttempts; v.Code != jobs.CodeFailed || v.Attempt != i+1 || (v.State == storage.JobDead) != last {
			t.Fatalf("failure %d: %+v", i, v)
		}
	}
}

func TestAttemptThatGetsFurtherIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.load = func(_ context.Context, progress func(storage.Progress)) error {
			progress(storage.Progress{Done: 5, Total: 10})
			time.Sleep(5 * time.Second)
			return errors.New("failed")
		}
		for i := range 3 {
			v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("load-1")})[0]
			if v.Attempt != i || b.row(t, "load-1").Attempt != i {
				t.Fatalf("run %d: verdict %+v, row %+v", i, v, b.row(t, "load-1"))
			}
		}
	})
}

func TestDelayGrowsWithAttempts(t *testing.T) {
	b := newBench()
	b.fault = func([]string) error { return errors.New("no") }
	last := time.Duration(0)
	for i := range 5 {
		v := b.Execute(t.Context(), []jobs.Delivery{save("a", i+1)})[0]
		lowest := jobs.DefaultRetryMin << i / 2
		if v.After < lowest || v.After > 2*lowest || v.After < last/2 {
			t.Fatalf("attempt %d waits %s", v.Attempt, v.After)
		}
		last = v.After
	}
}

func TestViewOfARefusedLoadTellsThePlace(t *testing.T) {
	v := jobs.ViewOf(storage.Job{
		Text: "x", Kind: "load", State: storage.JobRefused, ErrorCode: "archive_corrupt", ErrorMessage: "m", Outcome: []byte(`{"offset":12}`),
	})
	if v.Error == nil || v.Error.Offset == nil || *v.Error.Offset != 12 || v.JobID != "x" {
		t.Fatalf("%+v", v)
	}
}
