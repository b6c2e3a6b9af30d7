package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/faulty"
	"github.com/specstar-worker/worker/storage/memory"
)

// traffic returns how many messages the queue has ever held, and how many it holds.
func (w *world) traffic() (ever, now uint64) {
	w.t.Helper()
	s, err := w.js(w.nc).Stream(w.t.Context(), w.queue.StreamName())
	if err != nil {
		w.t.Fatal(err)
	}
	state := s.CachedInfo().State
	return state.LastSeq, state.Msgs
}

// later gives a job a time before which it may not begin.
func later(e jobs.Envelope, d time.Duration) jobs.Envelope {
	e.NotBefore = time.Now().Add(d).Truncate(time.Microsecond)
	return e
}

func TestDelayedJobsRunOnceAtTheirTime(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.start()
		save, fill := later(w.create("a"), 3*time.Second), later(jobs.NewBackfill("tester"), 3*time.Second)
		rs := w.send(save, fill)
		for i, row := range w.wait(storage.JobQueued, rs...) {
			if !row.NotBefore.Equal([]jobs.Envelope{save, fill}[i].NotBefore) || len(row.Envelope) == 0 {
				t.Fatalf("%+v", row)
			}
		}
		again := w.send(save, fill)
		if !again[0].Duplicate || !again[1].Duplicate {
			t.Fatalf("submitted again: %+v", again)
		}
		if ever, _ := w.traffic(); ever != 0 {
			t.Fatalf("the queue has held %d messages before their time", ever)
		}
		for _, row := range w.wait(storage.JobDone, rs...) {
			if early := save.NotBefore.Sub(row.Finished); early > 0 || !row.NotBefore.IsZero() {
				t.Fatalf("done %s too early: %+v", early, row)
			}
		}
		if ever, _ := w.traffic(); ever != 2 || w.revisions("a") != 1 {
			t.Fatalf("%d messages, %d revisions", ever, w.revisions("a"))
		}
		w.drained(jobs.LaneNormal, jobs.KindSave)
		w.drained(jobs.LaneBulk, jobs.KindBackfill)
	})
}

// TestCancelledJobsNeverBegin: a job that waits ends at once.
func TestCancelledJobsNeverBegin(t *testing.T) {
	w := newWorld(t, memory.New())
	w.start()
	r := w.send(later(w.create("a"), time.Second+500*time.Millisecond))[0]
	if _, err := w.factory.Ledger().Cancel(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	done := w.send(later(w.create("b"), 2*time.Second))
	w.wait(storage.JobDone, done...)
	w.wait(storage.JobCancelled, r)
	if ever, _ := w.traffic(); ever != 1 || w.revisions("a") != 0 {
		t.Fatalf("%d messages, %d revisions", ever, w.revisions("a"))
	}
}

// TestJobsOfOtherClientsWait: who only has a queue sends a job at once.
func TestJobsOfOtherClientsWait(t *testing.T) {
	w := newWorld(t, memory.New())
	w.start()
	at := time.Now().Add(2 * time.Second)
	msg := &nats.Msg{
		Subject: jobs.Subject(w.queue.Namespace, jobs.LaneNormal, jobs.KindSave), Header: nats.Header{},
		Data: fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"person","not_before":%q,"args":{"op":"create","resource_id":"a","data":{}}}`, at.Format(time.RFC3339Nano)),
	}
	msg.Header.Set(jetstream.MsgIDHeader, "of another")
	if _, err := w.js(w.nc).PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	r := jobs.Receipt{ID: jobs.ID(w.factory.ID(), "of another"), Text: "of another"}
	w.wait(storage.JobQueued, r)
	w.drained(jobs.LaneNormal, jobs.KindSave)
	row := w.wait(storage.JobDone, r)[0]
	if row.Finished.Before(at.Add(-time.Second)) || w.revisions("a") != 1 {
		t.Fatalf("%+v", row)
	}
}

// TestDelayedSavesApplyAtTheirTime: one that was sent before another, to apply later, is
// the later one, by whichever way it came.
func TestDelayedSavesApplyAtTheirTime(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.start()
		w.wait(storage.JobDone, w.send(w.create("a"), w.create("b"))...)
		ours, sent := later(w.update("a", 1), 3*time.Second), later(w.update("b", 1), 3*time.Second)
		rs := w.send(ours)
		body, err := sent.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.js(w.nc).Publish(t.Context(), jobs.Subject(w.queue.Namespace, jobs.LaneNormal, jobs.KindSave), body); err != nil {
			t.Fatal(err)
		}
		rs = append(rs, jobs.Receipt{ID: jobs.ID(w.factory.ID(), sent.ID), Text: sent.ID})
		w.wait(storage.JobQueued, rs...)
		w.wait(storage.JobDone, w.send(w.update("a", 2), w.update("b", 2))...)
		w.wait(storage.JobDone, rs...)
		for _, id := range []string{"a", "b"} {
			if n := w.revisions(id); n != 3 {
				t.Errorf("%s has %d revisions: the delayed save was superseded", id, n)
			}
		}
	})
}

// TestCrashWhileDueJobsArePublished: the queue took the messages, the ledger was not told.
func TestCrashWhileDueJobsArePublished(t *testing.T) {
	plan := &faulty.Plan{}
	w := newWorld(t, faulty.New(memory.New(), plan))
	var rs []jobs.Receipt
	for i := range 100 {
		rs = append(rs, w.send(later(w.create(fmt.Sprint(i)), time.Second+200*time.Millisecond))...)
	}
	<-time.After(1300 * time.Millisecond)
	plan.Arm(faulty.Fault{On: []string{"Ledger.Published"}, Times: faulty.Always, Do: faulty.Fail(errors.New("killed"))})
	r := &jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender}
	for range 2 {
		if _, err := r.Due(t.Context()); err == nil {
			t.Fatal("the ledger took it")
		}
	}
	plan.Disarm()
	var all sync.WaitGroup
	for range 4 { // several workers find them at the same time
		all.Go(func() {
			if _, err := r.Due(t.Context()); err != nil {
				t.Errorf("due: %v", err)
			}
		})
	}
	all.Wait()
	if ever, now := w.traffic(); ever != 100 || now != 100 {
		t.Fatalf("the queue has held %d messages and holds %d", ever, now)
	}
	for _, row := range w.wait(storage.JobQueued, rs...) {
		if row.Sequence == 0 || !row.NotBefore.IsZero() {
			t.Fatalf("%+v", row)
		}
	}
	w.start()
	w.wait(storage.JobDone, rs...)
}

// TestDueJobsComeAgainWhenTheirMessageIsLost: they were published and the queue's disk is
// gone, which the reconciler notices.
func TestDueJobsComeAgainWhenTheirMessageIsLost(t *testing.T) {
	w := newWorld(t, memory.New())
	r := &jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender}
	rs := w.send(later(w.create("a"), time.Second+100*time.Millisecond))
	if n, err := r.Due(t.Context()); n != 0 || err != nil {
		t.Fatalf("%d were due early (%v)", n, err)
	}
	w.pass(0)
	<-time.After(1200 * time.Millisecond)
	w.pass(0)
	if n, err := r.Due(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d were due (%v)", n, err)
	}
	s, err := w.js(w.nc).Stream(t.Context(), w.queue.StreamName())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.pass(1)
	w.pass(0)
	w.start()
	w.wait(storage.JobDone, rs...)
}

// TestCrashBetweenParkingAndItsAck: the message comes again, beside the one that is due,
// and the job takes effect once.
func TestCrashBetweenParkingAndItsAck(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		var lost atomic.Bool
		w.executor = func(x *jobs.Executor) consumer.Executor {
			return parking{x, func(ctx context.Context, ds []jobs.Delivery, vs []jobs.Verdict) []jobs.Verdict {
				x.Park(ctx, ds, vs)
				lost.Store(true)
				vs[0].After = 100 * time.Millisecond // as if the process had died: no acknowledgement
				return vs
			}, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
				if lost.Load() {
					return x.Execute(ctx, ds)
				}
				return []jobs.Verdict{{Action: jobs.ActionRetry, After: time.Minute, State: storage.JobQueued, Code: jobs.CodeFailed}}
			}}
		}
		w.batch = 1
		w.start()
		rs := w.send(w.create("a"))
		w.wait(storage.JobDone, rs...)
		w.drained(jobs.LaneNormal, jobs.KindSave)
		if w.revisions("a") != 1 || !lost.Load() {
			t.Fatalf("%d revisions", w.revisions("a"))
		}
		if due, err := w.factory.Ledger().Due(t.Context(), 1); err != nil || len(due) > 0 {
			t.Fatalf("%d jobs are due (%v)", len(due), err)
		}
	})
}

// parking is an executor whose parts are replaced.
type parking struct {
	*jobs.Executor
	park    func(context.Context, []jobs.Delivery, []jobs.Verdict) []jobs.Verdict
	execute func(context.Context, []jobs.Delivery) []jobs.Verdict
}

func (p parking) Park(ctx context.Context, ds []jobs.Delivery, vs []jobs.Verdict) []jobs.Verdict {
	return p.park(ctx, ds, vs)
}

// Open implements [consumer.Executor].
func (p parking) Open(ds []jobs.Delivery) jobs.Batch { return batchFunc{p.execute, ds} }

// TestTrap02SleepingJobsLeaveRoom: messages that are handed back to come later count as
// unacknowledged, so 10,000 of them would keep the server from handing out any other.
func TestTrap02SleepingJobsLeaveRoom(t *testing.T) {
	const many, pending = 10_000, 1000
	w := newWorld(t, memory.New())
	w.patience = 4 * time.Minute // the machine may be busy with other things
	_, err := w.js(w.nc).CreateConsumer(t.Context(), w.queue.StreamName(), jetstream.ConsumerConfig{
		Durable: "normal-save", FilterSubject: jobs.Subject(w.queue.Namespace, jobs.LaneNormal, jobs.KindSave),
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Minute, MaxDeliver: -1, MaxAckPending: pending,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.executor = func(x *jobs.Executor) consumer.Executor {
		return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			vs := make([]jobs.Verdict, len(ds))
			for i, d := range ds {
				if !strings.Contains(string(d.Body), "sleeper") {
					vs[i] = x.Execute(ctx, ds[i:i+1])[0]
					continue
				}
				vs[i] = jobs.Verdict{Action: jobs.ActionRetry, After: 10 * time.Minute, State: storage.JobQueued, Code: jobs.CodeFailed, Err: errors.New("not yet")}
			}
			return vs
		}}
	}
	w.start()
	sleepers := make([]jobs.Envelope, many)
	for i := range sleepers {
		sleepers[i] = w.create(fmt.Sprintf("sleeper-%d", i))
	}
	rs := w.send(sleepers...)
	fresh := w.send(w.create("fresh"))
	began := time.Now()
	w.wait(storage.JobDone, fresh...)
	t.Logf("a fresh job was done %s after %d sleeping ones", time.Since(began), many)
	w.drained(jobs.LaneNormal, jobs.KindSave)
	for _, row := range w.wait(storage.JobQueued, rs[0], rs[many/2], rs[many-1]) {
		if left := time.Until(row.NotBefore); left < 9*time.Minute || row.ErrorCode != jobs.CodeFailed || len(row.Envelope) == 0 {
			t.Fatalf("%+v", row)
		}
	}
	// Long jobs have 64 places.
	long := make([]jobs.Envelope, 200)
	for i := range long {
		long[i] = jobs.NewBackfill("sleeper")
	}
	w.send(long...)
	w.wait(storage.JobDone, w.send(jobs.NewBackfill("tester"))...)
	w.drained(jobs.LaneBulk, jobs.KindBackfill)
}

func TestUniqueJobs(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		unique := func(e jobs.Envelope) jobs.Envelope {
			e.Unique = "nightly"
			return e
		}
		first := w.send(unique(jobs.NewBackfill("tester")))[0]
		rs, err := w.submit.Submit(t.Context(), unique(jobs.NewBackfill("tester")), w.create("a"), unique(w.create("b")))
		for _, i := range []int{0, 2} {
			exists, is := errors.AsType[*storage.JobExistsError](rs[i].Err)
			if !is || exists.Job != first.ID || exists.ID != first.Text {
				t.Fatalf("receipt %d: %+v", i, rs[i])
			}
		}
		if _, is := errors.AsType[*storage.JobExistsError](err); !is || rs[1].Err != nil {
			t.Fatalf("%v, %+v", err, rs[1])
		}
		// By the queue alone a long job is refused, whoever sent it.
		other := jobs.NewBackfill("tester")
		other.Unique, other.ID = "nightly", "by the queue"
		body, err := other.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.js(w.nc).Publish(t.Context(), jobs.Subject(w.queue.Namespace, jobs.LaneHigh, jobs.KindBackfill), body); err != nil {
			t.Fatal(err)
		}
		hold := make(chan struct{})
		w.executor = func(x *jobs.Executor) consumer.Executor {
			return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
				if strings.Contains(ds[0].Subject, ".bulk.") {
					<-hold
				}
				return x.Execute(ctx, ds)
			}}
		}
		w.start()
		refused := jobs.Receipt{ID: jobs.ID(w.factory.ID(), other.ID), Text: other.ID}
		if row := w.wait(storage.JobRefused, refused)[0]; row.ErrorCode != jobs.CodeExists {
			t.Errorf("%+v", row)
		}
		close(hold)
		w.wait(storage.JobDone, first)
		w.wait(storage.JobDone, w.send(unique(jobs.NewBackfill("tester")))...)
	})
}
