package consumer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// large returns the envelope of a save of some size.
func (w *world) large(id string, size int) jobs.Envelope {
	e := w.create(id)
	e.Args.(jobs.Save).Operations[0].Data = fmt.Appendf(nil, "%q", strings.Repeat("x", size))
	return e
}

// TestFullQueueTakesNothingOfABatch: of large messages that do not fit together none is
// taken, so that none overtakes another, and the error says when to come again.
func TestFullQueueTakesNothingOfABatch(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	js := w.js(w.nc)
	s, err := js.Stream(t.Context(), w.queue.StreamName())
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxMsgs = 5
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	var saves []jobs.Envelope
	for i := range 8 {
		saves = append(saves, w.large(fmt.Sprintf("p%d", i), 100<<10))
	}
	rs, err := w.submit.Submit(t.Context(), saves...)
	busy, ok := errors.AsType[*jobs.BusyError](err)
	if !ok || busy.RetryAfter <= 0 || !errors.Is(err, consumer.ErrQueueFull) {
		t.Fatalf("Submit = %v", err)
	}
	_, err = w.submit.WithRetryAfter(time.Minute).Submit(t.Context(), saves...)
	if busy, ok := errors.AsType[*jobs.BusyError](err); !ok || busy.RetryAfter != time.Minute {
		t.Fatalf("Submit with a time of its own = %v", err)
	}
	subject := jobs.Subject("test", jobs.LaneNormal, jobs.KindSave)
	if n, err := w.sender.Waiting(t.Context(), subject); err != nil || n != 0 {
		t.Fatalf("%d messages of a refused batch wait, %v", n, err)
	}
	for i, r := range rs {
		if _, ok := errors.AsType[*jobs.BusyError](r.Err); !ok {
			t.Errorf("receipt %d: %v", i, r.Err)
		}
	}
	if rs = w.send(saves[:5]...); rs[4].Duplicate {
		t.Fatalf("a refused message is known: %+v", rs[4])
	}
}

func TestTooManyUnfinishedJobsAreBusy(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		limited := w.submit.WithLimit(2)
		for range 2 {
			if _, err := limited.Submit(t.Context(), jobs.NewBackfill("tester")); err != nil {
				t.Fatal(err)
			}
		}
		_, err := limited.Submit(t.Context(), jobs.NewBackfill("tester"))
		if busy, ok := errors.AsType[*jobs.BusyError](err); !ok || busy.RetryAfter <= 0 || !strings.Contains(err.Error(), "the limit is 2") {
			t.Fatalf("Submit beyond the limit = %v", err)
		}
		_, err = limited.WithRetryAfter(time.Minute).Submit(t.Context(), jobs.NewBackfill("tester"))
		if busy, ok := errors.AsType[*jobs.BusyError](err); !ok || busy.RetryAfter != time.Minute {
			t.Fatalf("Submit with a time of its own = %v", err)
		}
		if _, err := limited.Submit(t.Context(), w.create("p1")); err != nil {
			t.Fatalf("a save has no row yet: %v", err)
		}
		counts, err := w.factory.Ledger().Count(t.Context())
		if err != nil || counts[storage.JobQueued] != 2 {
			t.Fatalf("jobs %v, %v", counts, err)
		}
	})
}

// TestTooLargeIsToldBeforeAnythingIsWritten: a job that no message can hold leaves no row.
func TestTooLargeIsToldBeforeAnythingIsWritten(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	big := w.large("big", w.sender.MaxMessage())
	rs, err := w.submit.InLedger().Submit(t.Context(), w.create("small"), big)
	large, ok := errors.AsType[*jobs.TooLargeError](err)
	if !ok || large.Most != w.sender.MaxMessage() || rs[0].Err != nil || rs[1].Err == nil {
		t.Fatalf("Submit = %+v, %v", rs, err)
	}
	counts, err := w.factory.Ledger().Count(t.Context())
	if err != nil || counts[storage.JobQueued] != 1 {
		t.Fatalf("jobs %v, %v", counts, err)
	}
}

// TestForbiddenPublisherIsToldAtOnce: the server answers nothing to what it forbids, and
// tells it beside; a submitter does not wait for the answer.
func TestForbiddenPublisherIsToldAtOnce(t *testing.T) {
	t.Parallel()
	may := func(publish, subscribe string) *server.Permissions {
		return &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{publish}}, Subscribe: &server.SubjectPermission{Allow: []string{subscribe}},
		}
	}
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
		Users: []*server.User{
			{Username: "all", Password: "x"},
			{Username: "reader", Password: "x", Permissions: may("$JS.API.>", "_INBOX.>")},
			{Username: "deaf", Password: "x", Permissions: may(">", "elsewhere.>")},
			{Username: "right", Password: "x", Permissions: may("specstar.test.jobs.>", "_INBOX.>")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server is not ready")
	}
	connect := func(user string) *nats.Conn {
		nc, err := nats.Connect(ns.ClientURL(), nats.UserInfo(user, "x"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	w := &world{t: t, factory: stores["memory"](t)}
	w.queue = consumer.QueueConfig{Namespace: "test", Store: w.factory.ID(), Create: true, MaxBytes: 1 << 20}
	if err := consumer.EnsureStreams(t.Context(), w.js(connect("all")), w.queue); err != nil {
		t.Fatal(err)
	}
	some := func(n int) (list []jobs.Envelope) {
		for i := range n {
			list = append(list, w.create(fmt.Sprint("p", i)))
		}
		return list
	}
	for _, tc := range []struct {
		user    string
		n       int
		allowed bool
	}{
		{"reader", 1, false}, {"reader", 100, false}, {"deaf", 1, false}, {"right", 1, true}, {"right", 100, true},
	} {
		t.Run(fmt.Sprint(tc.user, tc.n), func(t *testing.T) {
			p, err := consumer.NewPublisher(connect(tc.user), w.queue)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = jobs.NewSubmitter(w.factory.ID(), w.factory.Ledger(), p).Submit(t.Context(), some(tc.n)...)
			if tc.allowed {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if took := time.Since(began); !errors.Is(err, consumer.ErrForbidden) || took > 5*time.Second {
				t.Fatalf("Submit after %s = %v", took, err)
			}
			if !strings.Contains(err.Error(), "specstar.test.jobs") {
				t.Fatalf("the error does not say what is forbidden: %v", err)
			}
		})
	}
}
