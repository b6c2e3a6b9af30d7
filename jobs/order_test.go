package jobs_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// upsert returns a delivery that writes n to a resource.
func upsert(id string, n, number int) jobs.Delivery {
	d := save(id, number)
	d.MessageID = fmt.Sprintf("job-%s%d", id, n)
	d.Published = d.Published.Add(time.Duration(n) * time.Millisecond)
	d.Body = fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"m","args":{"op":"upsert","resource_id":%q,"data":{"n":%d}}}`, id, n)
	return d
}

// failing makes units of work fail that hold a resource.
func (b *bench) failing(id string, err error) {
	b.fault = func(ids []string) error {
		if slices.Contains(ids, id) {
			return err
		}
		return nil
	}
}

// written returns how often a resource was written, and what it holds.
func (b *bench) written(t *testing.T, id string) (int, string) {
	t.Helper()
	m, err := b.catalog.Open(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Get(t.Context(), resource.ID(id), manager.GetOptions{})
	if code, _ := manager.CodeOf(err); code == manager.CodeNotFound {
		return 0, ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return got.Meta.TotalRevisionCount, string(got.Data)
}

func (b *bench) expect(t *testing.T, want []string, ds ...jobs.Delivery) []jobs.Verdict {
	t.Helper()
	vs := b.Execute(t.Context(), ds)
	if got := actions(vs); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v: %+v", got, want, vs)
	}
	return vs
}

func TestLaterSavesWaitForOneThatIsTriedAgain(t *testing.T) {
	b := newBench()
	b.failing("a", errors.New("no"))
	vs := b.expect(t, []string{"retry", "ack", "retry"}, upsert("a", 1, 1), upsert("b", 1, 1), upsert("a", 2, 1))
	if vs[2].Code != jobs.CodeOrder || vs[2].Attempt != 0 || vs[2].After <= vs[0].After {
		t.Fatalf("the later save: %+v", vs[2])
	}
	b.fault = nil
	// Neither one that was fetched afterwards nor one that comes too early overtakes.
	b.expect(t, []string{"retry", "retry", "ack"}, upsert("a", 3, 1), upsert("a", 2, 2), upsert("b", 2, 1))
	b.expect(t, []string{"ack", "ack", "ack", "ack"}, upsert("a", 1, 2), upsert("a", 2, 3), upsert("a", 3, 2), upsert("a", 4, 1))
	if n, data := b.written(t, "a"); n != 4 || data != `{"n":4}` {
		t.Fatalf("written %d times: %s", n, data)
	}
	b.expect(t, []string{"ack"}, upsert("a", 5, 1))
}

func TestDeadSaveLetsTheLaterOnesPass(t *testing.T) {
	b := newBench()
	b.failing("a", errors.New("no"))
	for i := range jobs.DefaultMaxAttempts - 1 {
		b.expect(t, []string{"retry", "retry"}, upsert("a", 1, i+1), upsert("a", 2, i+1))
	}
	b.expect(t, []string{"bury"}, upsert("a", 1, 9))
	b.fault = nil
	b.expect(t, []string{"ack"}, upsert("a", 2, 9))
}

func TestSaveThatAnotherWorkerEndedLetsPass(t *testing.T) {
	b := newBench()
	b.failing("a", errors.New("no"))
	b.expect(t, []string{"retry"}, upsert("a", 1, 1))
	b.fault = nil
	other := jobs.NewExecutor(b.Config)
	if v := other.Execute(t.Context(), []jobs.Delivery{upsert("a", 1, 2)})[0]; v.State != storage.JobDone {
		t.Fatalf("%+v", v)
	}
	b.expect(t, []string{"ack"}, upsert("a", 2, 1))
}

func TestSaveThatNeverComesAgainIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.failing("a", errors.New("no"))
		b.expect(t, []string{"retry", "retry"}, upsert("a", 1, 1), upsert("a", 2, 1))
		b.fault = nil
		time.Sleep(30 * time.Second)
		b.expect(t, []string{"retry"}, upsert("a", 3, 1))
		time.Sleep(5 * time.Minute)
		b.expect(t, []string{"ack"}, upsert("a", 3, 1))
	})
}

// TestSavesDoNotWaitForEachOther: two workers have each tried one of two saves in vain,
// and get the other one next.
func TestSavesDoNotWaitForEachOther(t *testing.T) {
	b := newBench()
	other := jobs.NewExecutor(b.Config)
	first, second := upsert("a", 1, 1), upsert("a", 2, 1)
	second.Published = first.Published.Add(time.Millisecond)
	b.failing("a", errors.New("no"))
	b.expect(t, []string{"retry"}, second)
	if v := other.Execute(t.Context(), []jobs.Delivery{first})[0]; v.Action != jobs.ActionRetry {
		t.Fatalf("%+v", v)
	}
	b.fault = nil
	first.Number, second.Number = 2, 2
	if v := other.Execute(t.Context(), []jobs.Delivery{second})[0]; v.Code != jobs.CodeOrder {
		t.Fatalf("the second one overtook: %+v", v)
	}
	b.expect(t, []string{"ack"}, first)
	if v := other.Execute(t.Context(), []jobs.Delivery{second})[0]; v.State != storage.JobDone {
		t.Fatalf("%+v", v)
	}
}

// TestNothingIsTriedBehindAnOutage: the store may be back at once, but then the
// later half of a batch must not be written before the earlier one.
func TestNothingIsTriedBehindAnOutage(t *testing.T) {
	b := newBench()
	b.fault = func(ids []string) error {
		switch len(b.batches) {
		case 1:
			return errors.New("no")
		case 2:
			return storage.ErrUnavailable
		}
		return nil
	}
	b.expect(t, []string{"pause", "pause"}, upsert("a", 1, 1), upsert("a", 2, 1))
	if len(b.batches) != 2 {
		t.Fatalf("batches %v", b.batches)
	}
	b.expect(t, []string{"ack", "ack"}, upsert("a", 1, 1), upsert("a", 2, 1))
}

// TestSavesOfOneAtomicBatchKeepTheirOrder: the queue took them at the same time.
func TestSavesOfOneAtomicBatchKeepTheirOrder(t *testing.T) {
	for i := range 8 { // the ids of the jobs compare in both ways
		b, id := newBench(), fmt.Sprint("a", i)
		b.failing(id, errors.New("no"))
		first, second := upsert(id, 1, 1), upsert(id, 2, 1)
		first.Epoch, first.Sequence, second.Epoch, second.Sequence = 7, 1, 7, 2
		second.Published = first.Published
		b.expect(t, []string{"retry"}, first)
		b.fault = nil
		if v := b.expect(t, []string{"retry"}, second)[0]; v.Code != jobs.CodeOrder {
			t.Errorf("the second save of %s: %+v", id, v)
		}
	}
}

// TestSavesThatComeInTheWrongOrderAreNotAppliedInIt, though they are in one unit of work.
func TestSavesThatComeInTheWrongOrderAreNotAppliedInIt(t *testing.T) {
	b := newBench()
	b.failing("a", errors.New("no"))
	b.expect(t, []string{"retry", "retry"}, upsert("a", 1, 1), upsert("a", 2, 1))
	b.fault = nil
	b.expect(t, []string{"retry", "ack"}, upsert("a", 2, 2), upsert("a", 1, 2))
	b.expect(t, []string{"ack"}, upsert("a", 2, 3))
}
