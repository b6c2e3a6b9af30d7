package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// TestStopHandsUnstartedMessagesToTheNextWorker: AckWait is a minute, so only a
// message that was handed back comes again in time.
func TestStopHandsUnstartedMessagesToTheNextWorker(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	w.ackWait, w.batch = time.Minute, 1
	begun, end := make(chan struct{}, 100), make(chan struct{})
	w.executor = func(x *jobs.Executor) consumer.Executor {
		return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			begun <- struct{}{}
			<-end
			return x.Execute(ctx, ds)
		}}
	}
	var saves []jobs.Envelope
	for i := range 20 {
		saves = append(saves, w.create(fmt.Sprintf("p%d", i)))
	}
	h, _ := w.start()
	rs := w.send(saves...)
	<-begun
	h.Stop()
	close(end)
	if err := h.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := &recorder{}
	w.executor = seen.around
	w.start()
	w.wait(storage.JobDone, rs...)
	for i := range saves {
		if n := w.revisions(fmt.Sprintf("p%d", i)); n != 1 {
			t.Fatalf("p%d has %d revisions", i, n)
		}
	}
	if seen.of(rs[0].Text) != 0 {
		t.Fatal("the job that ran when Stop was called ran again")
	}
}

func TestDeletedConsumerIsMadeAgain(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	h, _ := w.start()
	w.wait(storage.JobDone, w.send(w.create("p1"))...)
	if err := w.js(w.nc).DeleteConsumer(t.Context(), w.queue.StreamName(), "normal-save"); err != nil {
		t.Fatal(err)
	}
	w.wait(storage.JobDone, w.send(w.create("p2"))...)
	if h.Err() != nil {
		t.Fatal(h.Err())
	}
}

// TestMessagesOfARemadeStreamAreNew: a stream that is made again numbers its
// messages from 1, and a message without an id must not pass for an old one.
func TestMessagesOfARemadeStreamAreNew(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	h, _ := w.start()
	js := w.js(w.nc)
	for i := range 2 {
		if i > 0 {
			if err := js.DeleteStream(t.Context(), w.queue.StreamName()); err != nil {
				t.Fatal(err)
			}
			if err := consumer.EnsureStreams(t.Context(), js, w.queue); err != nil {
				t.Fatal(err)
			}
		}
		body := fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"person","args":{"op":"create","resource_id":"p%d","data":{}}}`, i)
		if _, err := js.Publish(t.Context(), jobs.Subject("test", jobs.LaneNormal, jobs.KindSave), body); err != nil {
			t.Fatal(err)
		}
		w.drained(jobs.LaneNormal, jobs.KindSave)
		if n := w.revisions(fmt.Sprintf("p%d", i)); n != 1 {
			t.Fatalf("p%d has %d revisions, %d letters", i, n, len(w.letters()))
		}
	}
	if h.Err() != nil {
		t.Fatal(h.Err())
	}
}

// TestDeletedStreamIsMadeAnew by a worker that may, whether it has had a message of each
// loop or none; others wait for it and say what is missing.
func TestDeletedStreamIsMadeAnew(t *testing.T) {
	for name, set := range map[string]func(*consumer.Config){
		"shared":      func(*consumer.Config) {},
		"exclusive":   func(c *consumer.Config) { c.Exclusive = true },
		"not allowed": func(c *consumer.Config) { c.Queue.Create = false },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, stores["memory"](t))
			js := w.js(w.nc)
			if err := consumer.Provision(t.Context(), js, w.queue); err != nil {
				t.Fatal(err)
			}
			h, _ := w.start(set)
			w.wait(storage.JobDone, w.send(w.create("p1"))...)
			if err := js.DeleteStream(t.Context(), w.queue.StreamName()); err != nil {
				t.Fatal(err)
			}
			if name == "not allowed" {
				w.until("every loop tells what is missing", func() error {
					ts := h.Trouble()
					if len(ts) < len(h.All()) || !errors.Is(ts[0].Err, consumer.ErrNotMade) || !strings.Contains(ts[0].String(), w.queue.StreamName()) {
						return fmt.Errorf("%d of %d: %v", len(ts), len(h.All()), ts)
					}
					return nil
				})
				if err := consumer.Provision(t.Context(), js, w.queue); err != nil {
					t.Fatal(err)
				}
			}
			w.until("the stream is back", func() error {
				_, err := js.Stream(t.Context(), w.queue.StreamName())
				return err
			})
			begin := time.Now()
			w.wait(storage.JobDone, w.send(w.create("p2"))...)
			if took := time.Since(begin); took > 20*time.Second { // 1 s on a quiet machine
				t.Errorf("work went on after %s", took)
			}
			w.until("the trouble is over", func() error {
				if ts := h.Trouble(); len(ts) > 0 {
					return fmt.Errorf("%v", ts)
				}
				return nil
			})
			if err := h.Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestEveryBacklogIsDrained runs many short backlogs: a pull that is lost would
// leave one of them waiting.
func TestEveryBacklogIsDrained(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	w.batch = 2
	w.start()
	for round := range 20 {
		var saves []jobs.Envelope
		for i := range 50 {
			saves = append(saves, w.create(fmt.Sprintf("p%d-%d", round, i)))
		}
		w.send(saves...)
		w.drained(jobs.LaneNormal, jobs.KindSave)
	}
}

// TestStartStopStress starts and stops workers from ten goroutines while jobs
// come in, and then looks for goroutines that are left.
func TestStartStopStress(t *testing.T) {
	w := newWorldAlone(t, stores["memory"](t))
	w.ackWait = time.Second
	configs := make([]consumer.Config, 10)
	for i := range configs {
		configs[i] = w.config(w.connect())
	}
	before := stacks()
	var wg sync.WaitGroup
	for i, cfg := range configs {
		wg.Go(func() {
			for round := range 3 {
				c, err := consumer.New(cfg)
				if err != nil {
					t.Error(err)
					return
				}
				h, err := c.StartConsume(context.WithoutCancel(t.Context()))
				if err != nil {
					t.Error(err)
					return
				}
				if (i+round)%3 == 0 {
					h.Abort(errTest)
				} else {
					h.Stop()
				}
				if err := h.Join(context.WithoutCancel(t.Context())); err != nil && !errors.Is(err, errTest) {
					t.Error(err)
				}
			}
		})
	}
	w.savesSurvive(&wg, before)
}

// stacks counts the goroutines that run code of this package.
func stacks() int {
	n := 0
	for s := range strings.SplitSeq(dump(), "\n\n") {
		if strings.Contains(s, "worker/consumer.") {
			n++
		}
	}
	return n
}

func dump() string {
	buf := make([]byte, 4<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
