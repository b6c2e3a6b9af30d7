package consumer_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// TestLaterMessagesHaveTheTimeOfTheFirst: what follows from when the queue took a job is
// the same for every message of it.
func TestLaterMessagesHaveTheTimeOfTheFirst(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	first := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	got := make(chan time.Time, 10)
	w.executor = func(x *jobs.Executor) consumer.Executor {
		return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			for _, d := range ds {
				got <- d.Published
			}
			return x.Execute(ctx, ds)
		}}
	}
	w.start()
	body, err := w.create("p1").Encode()
	if err != nil {
		t.Fatal(err)
	}
	m := jobs.Message{Subject: jobs.Subject("test", jobs.LaneNormal, jobs.KindSave), ID: "a", Body: body, Submitted: first}
	if ack := w.sender.Publish(t.Context(), []jobs.Message{m})[0]; ack.Err != nil {
		t.Fatal(ack.Err)
	}
	if at := <-got; !at.Equal(first) {
		t.Fatalf("published at %s", at)
	}
	w.wait(storage.JobDone, jobs.Receipt{ID: jobs.ID(w.factory.ID(), "a"), Text: "a"})

	wrong := &nats.Msg{Subject: m.Subject, Data: body, Header: nats.Header{"Specstar-Submitted": {"yesterday"}, "Nats-Msg-Id": {"b"}}}
	if _, err := w.js(w.nc).PublishMsg(t.Context(), wrong); err != nil {
		t.Fatal(err)
	}
	if at := <-got; time.Since(at) > time.Hour {
		t.Fatalf("published at %s, %s", at, strconv.Quote(wrong.Header.Get("Specstar-Submitted")))
	}
}
