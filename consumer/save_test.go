package consumer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func TestSavesTakeEffectOnceInOrder(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		var saves []jobs.Envelope
		for i := range 40 {
			id := fmt.Sprintf("p%d", i)
			saves = append(saves, w.create(id), w.update(id, 1), w.update(id, 2))
		}
		first := w.send(saves...)
		again := w.send(saves...)
		for i := range again {
			if !again[i].Duplicate || again[i].ID != first[i].ID {
				t.Fatalf("the second receipt of job %d is %+v", i, again[i])
			}
		}
		w.start()
		w.wait(storage.JobDone, first...)
		w.drained(jobs.LaneNormal, jobs.KindSave)
		for i := range 40 {
			if n := w.revisions(fmt.Sprintf("p%d", i)); n != 3 {
				t.Fatalf("p%d has %d revisions", i, n)
			}
		}
	})
}

func TestDuplicateBeyondTheWindowHasNoSecondEffect(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.start()
		save := w.create("p1")
		r := w.send(save)
		w.wait(storage.JobDone, r...)
		// Another message id, as after the window, with the same job in it.
		body, err := save.Encode()
		if err != nil {
			t.Fatal(err)
		}
		ack := w.sender.Publish(t.Context(), []jobs.Message{{
			Subject: jobs.Subject("test", jobs.LaneNormal, jobs.KindSave), ID: "late", Job: save.ID, Body: body,
		}})
		if ack[0].Err != nil || ack[0].Duplicate {
			t.Fatalf("publish = %+v", ack[0])
		}
		w.drained(jobs.LaneNormal, jobs.KindSave)
		if n := w.revisions("p1"); n != 1 {
			t.Fatalf("p1 has %d revisions", n)
		}
		if n := len(w.letters()); n != 0 {
			t.Fatalf("%d dead letters", n)
		}
	})
}

// TestKillBetweenCommitAndAck cuts the connection after the commit, as a kill
// would: the acknowledgement is never sent.
func TestKillBetweenCommitAndAck(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.ackWait = 500 * time.Millisecond
		cut := make(chan struct{})
		var kill func()
		w.executor = func(x *jobs.Executor) consumer.Executor {
			return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
				vs := x.Execute(ctx, ds)
				<-cut
				kill()
				return vs
			}}
		}
		h, nc := w.start()
		kill = nc.Close
		r := w.send(w.create("p1"))
		close(cut)
		w.wait(storage.JobDone, r...)
		<-h.Done()

		seen := &recorder{}
		w.executor = seen.around
		w.start()
		w.drained(jobs.LaneNormal, jobs.KindSave)
		if seen.of(r[0].Text) != 1 || w.revisions("p1") != 1 {
			t.Fatalf("%d further deliveries, %d revisions", seen.of(r[0].Text), w.revisions("p1"))
		}
	})
}

func TestExclusiveOwnerGetsMessagesOfTheFormerOneAtOnce(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	w.ackWait = 0 // a minute: longer than the test may take
	entered := make(chan struct{})
	var former *jobs.Executor
	w.executor = func(x *jobs.Executor) consumer.Executor {
		former = x
		return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			close(entered)
			<-ctx.Done()
			return make([]jobs.Verdict, len(ds))
		}}
	}
	h, nc := w.start()
	r := w.send(w.create("p1"))
	<-entered
	nc.Close() // nothing more is said to the server
	h.Abort(errTest)
	<-h.Done()

	numbers := make(chan int, 10)
	w.executor = func(x *jobs.Executor) consumer.Executor {
		return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			numbers <- ds[0].Number
			return former.Execute(ctx, ds)
		}}
	}
	w.start(func(c *consumer.Config) { c.Exclusive = true })
	w.wait(storage.JobDone, r...)
	if n := <-numbers; n < 2 {
		t.Fatalf("the message passes as delivery %d: the lost attempt is not counted", n)
	}
}

// TestKilledOwnersDeliveriesAreCounted: the server writes down with a delay what
// it handed out. A job that kills the process faster than that would never be
// counted, and kill every process.
func TestKilledOwnersDeliveriesAreCounted(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	numbers := make(chan int, 10)
	w.executor = func(x *jobs.Executor) consumer.Executor {
		return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			for _, d := range ds {
				numbers <- d.Number
			}
			return x.Execute(ctx, ds)
		}}
	}
	exclusive := func(c *consumer.Config) { c.Exclusive = true }
	deliver := func(id string, want int) *consumer.Handles {
		t.Helper()
		w.send(w.create(id))
		h, _ := w.start(exclusive)
		if got := <-numbers; got != want {
			t.Fatalf("%s passes as delivery %d, want %d", id, got, want)
		}
		w.drained(jobs.LaneNormal, jobs.KindSave)
		return h
	}
	w.stop(deliver("p1", 1))
	w.stop(deliver("p2", 1)) // the former owner ended in good order
	// A consumer that was killed before the server wrote down what it had sent.
	_, err := w.js(w.nc).CreateConsumer(t.Context(), w.queue.StreamName(), jetstream.ConsumerConfig{
		Durable: "normal-save", FilterSubject: jobs.Subject("test", jobs.LaneNormal, jobs.KindSave),
		AckPolicy: jetstream.AckExplicitPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.stop(deliver("p3", 2))
	w.stop(deliver("p4", 1))
}

func TestSameIDWithOtherContentBecomesALetter(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.start()
		a, b := w.create("p1"), w.create("p2")
		r := w.send(a)
		w.wait(storage.JobDone, r...)
		b.ID = a.ID
		body, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		js := w.js(w.nc)
		if _, err := js.Publish(t.Context(), jobs.Subject("test", jobs.LaneHigh, jobs.KindSave), body); err != nil {
			t.Fatal(err)
		}
		w.drained(jobs.LaneHigh, jobs.KindSave)
		ls := w.letters()
		if len(ls) != 1 || ls[0].Header.Get("Specstar-Error-Code") != jobs.CodeDiffers {
			t.Fatalf("letters: %+v", ls)
		}
		if row := w.wait(storage.JobDone, r...)[0]; row.State != storage.JobDone {
			t.Fatalf("the first job is now %s", row.State)
		}
		w.oneToOne()
	})
}

func TestUndecodableMessageBecomesALetter(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.start()
		js := w.js(w.nc)
		body := []byte(`{"schema":1,"kind":"save","model":"person","args":{"op":"create","bogus":1}}`)
		_, err := js.Publish(t.Context(), jobs.Subject("test", jobs.LaneNormal, jobs.KindSave), body, jetstream.WithMsgID("bad"))
		if err != nil {
			t.Fatal(err)
		}
		id := jobs.ID(w.factory.ID(), "bad")
		row := w.wait(storage.JobDead, jobs.Receipt{ID: id, Text: "bad"})[0]
		if row.ErrorCode != jobs.CodeEnvelope || string(row.Envelope) != string(body) {
			t.Fatalf("row: %s %s %s", row.ErrorCode, row.ErrorMessage, row.Envelope)
		}
		w.drained(jobs.LaneNormal, jobs.KindSave)
		ls := w.letters()
		if len(ls) != 1 || string(ls[0].Data) != string(body) {
			t.Fatalf("letters: %+v", ls)
		}
		w.oneToOne()
	})
}

func TestRefusedSaveIsRecordedAndNotRetried(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.start()
		w.wait(storage.JobDone, w.send(w.create("p1"))...)
		row := w.wait(storage.JobRefused, w.send(w.create("p1"))...)[0]
		if row.ErrorCode != "exists" {
			t.Fatalf("code %q: %s", row.ErrorCode, row.ErrorMessage)
		}
		w.drained(jobs.LaneNormal, jobs.KindSave)
		if n := len(w.letters()); n != 0 {
			t.Fatalf("%d dead letters", n)
		}
	})
}

func TestMessagesWithoutAnIDAreToldApart(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	js := w.js(w.nc)
	for range 3 {
		body := []byte(`{"schema":1,"kind":"save","model":"person","args":{"op":"create","data":{"a":1}}}`)
		if _, err := js.Publish(t.Context(), jobs.Subject("test", jobs.LaneNormal, jobs.KindSave), body); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	w.drained(jobs.LaneNormal, jobs.KindSave)
	ids := map[uuid.UUID]bool{}
	for row, err := range w.factory.Ledger().List(t.Context(), storage.JobFilter{States: []storage.JobState{storage.JobDone}}) {
		if err != nil {
			t.Fatal(err)
		}
		ids[row.ID] = true
	}
	if len(ids) != 3 {
		t.Fatalf("%d jobs done", len(ids))
	}
}
