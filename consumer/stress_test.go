package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// TestRacedLifecycle: ten goroutines start one and the same consumer again and again
// while jobs come in, and of each that runs three stop it, abort it and join it at the
// same time, each more than once. Every handle ends, nothing else is left, and each job
// is done once.
func TestRacedLifecycle(t *testing.T) {
	w := newWorldAlone(t, stores["memory"](t))
	w.ackWait = time.Second
	c, err := consumer.New(w.config(w.connect()))
	if err != nil {
		t.Fatal(err)
	}
	before := stacks()
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			for round := range 5 {
				if err := race(c, i+round); err != nil {
					t.Error(err)
				}
			}
		})
	}
	w.savesSurvive(&wg, before)
}

// race starts the consumer and has it be ended from all sides.
func race(c *consumer.Consumer, n int) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	h, err := c.StartConsume(ctx)
	if err != nil {
		return err
	}
	ends := []func(){h.Stop, func() { h.Abort(errTest) }, cancel}
	var wg sync.WaitGroup
	joined := make([]error, 6)
	for i := range joined {
		wg.Go(func() {
			time.Sleep(rand.N(20 * time.Millisecond))
			if i%2 == 0 || n%3 != i%3 {
				ends[(n+i)%len(ends)]()
			}
			joined[i] = h.Join(context.Background())
		})
	}
	h.Stop() // whatever the others do, it ends
	wg.Wait()
	<-h.Done()
	for _, err := range joined {
		if !errors.Is(err, h.Err()) || err != nil && !errors.Is(err, errTest) && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("Join = %w, Err = %v", err, h.Err())
		}
	}
	for _, one := range h.All() {
		select {
		case <-one.Done():
		default:
			return fmt.Errorf("%s goes on", one.Name())
		}
		if err := one.Err(); err != nil {
			return fmt.Errorf("%s ended with %w", one.Name(), err)
		}
	}
	return nil
}

// TestUnfitConsumerEndsConsuming: what only an operator can put right ends all loops,
// and Join, Err and the loop's own handle tell what it is.
func TestUnfitConsumerEndsConsuming(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	h, _ := w.start()
	w.wait(storage.JobDone, w.send(w.create("p1"))...)
	s, err := w.js(w.nc).Stream(t.Context(), w.queue.StreamName())
	if err != nil {
		t.Fatal(err)
	}
	w.until("the durable consumer is an unfit one", func() error {
		_ = s.DeleteConsumer(t.Context(), "normal-save") // the worker may have been quicker
		_, err := s.CreateConsumer(t.Context(), jetstream.ConsumerConfig{
			Durable: "normal-save", FilterSubject: jobs.Subject("test", jobs.LaneNormal, jobs.KindSave),
			AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Second, MaxDeliver: 5,
		})
		return err
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := h.Join(ctx); err == nil || !strings.Contains(err.Error(), "max_deliver is 5, must be -1") {
		t.Fatalf("Join = %v", err)
	}
	if h.Err() == nil {
		t.Fatal("Err says nothing")
	}
	for _, one := range h.All() {
		select {
		case <-one.Done():
		default:
			t.Fatalf("%s goes on", one.Name())
		}
		if err := one.Err(); (err != nil) != (one.Name() == "normal-save") {
			t.Fatalf("%s: %v", one.Name(), err)
		}
	}
}

// savesSurvive sends saves while workers come and go, until none of their goroutines is
// left, and then has a last worker do them, each once.
func (w *world) savesSurvive(workers *sync.WaitGroup, before int) {
	w.t.Helper()
	var saves []jobs.Envelope
	for i := range 100 {
		saves = append(saves, w.create(fmt.Sprintf("p%d", i)))
	}
	rs := w.send(saves...)
	workers.Wait()
	w.until("no goroutine is left", func() error {
		if left := stacks() - before; left > 0 {
			return fmt.Errorf("%d are left:\n%s", left, dump())
		}
		return nil
	})
	w.start()
	w.wait(storage.JobDone, rs...)
	for i := range saves {
		if n := w.revisions(fmt.Sprintf("p%d", i)); n != 1 {
			w.t.Fatalf("p%d has %d revisions", i, n)
		}
	}
}
