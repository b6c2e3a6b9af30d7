package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// queue is a broker with one worker that consumes it, wired as the program does it.
type queue struct {
	broker           *broker
	publishes, pulls *nats.Conn
	submitter        *jobs.QueueSubmitter
	handles          *consumer.Handles
	store            *store
	committed        *watcher
}

// watcher is the executor of the worker; it notes which jobs are committed.
type watcher struct {
	consumer.Executor
	done  *arrivals
	index map[uuid.UUID]int
	bad   chan error
}

// Open implements [consumer.Executor].
func (w *watcher) Open(deliveries []jobs.Delivery) jobs.Batch {
	return watchedBatch{w.Executor.Open(deliveries), w}
}

// watchedBatch is a batch of a watcher.
type watchedBatch struct {
	jobs.Batch
	watcher *watcher
}

// Run implements [jobs.Batch].
func (b watchedBatch) Run(ctx context.Context) []jobs.Verdict {
	w, verdicts := b.watcher, b.Batch.Run(ctx)
	for _, v := range verdicts {
		if i, known := w.index[v.ID]; known && v.State == storage.JobDone && v.Refused == 0 {
			w.done.arrived(i)
			continue
		}
		select {
		case w.bad <- fmt.Errorf("job %s is %s: %s: %w", v.Text, v.State, v.Code, v.Err):
		default:
		}
	}
	return verdicts
}

// startQueue starts a broker and a worker for the given jobs.
func startQueue(ctx context.Context, t *store, always bool, envelopes []jobs.Envelope) (_ *queue, err error) {
	q := &queue{store: t}
	defer func() {
		if err != nil {
			err = errors.Join(err, q.stop(ctx))
		}
	}()
	if q.broker, err = startBroker(always); err != nil {
		return q, err
	}
	if q.publishes, err = q.broker.connect(consumer.PublishOptions()...); err != nil {
		return q, err
	}
	if q.pulls, err = q.broker.connect(consumer.ConsumeOptions()...); err != nil {
		return q, err
	}
	js, err := jetstream.New(q.pulls)
	if err != nil {
		return q, err
	}
	cfg := consumer.QueueConfig{Namespace: "bench", Store: t.ID(), Create: true}
	if err := consumer.EnsureStreams(ctx, js, cfg); err != nil {
		return q, err
	}
	sender, err := consumer.NewPublisher(q.publishes, cfg)
	if err != nil {
		return q, err
	}
	q.submitter = jobs.NewSubmitter(t.ID(), t.Ledger(), sender)
	w := &jobs.CatalogWork{Catalog: t.catalog}
	q.committed = &watcher{done: newArrivals(len(envelopes)), index: map[uuid.UUID]int{}, bad: make(chan error, 1)}
	for i, e := range envelopes {
		q.committed.index[jobs.ID(t.ID(), e.ID)] = i
	}
	q.committed.Executor = jobs.NewExecutor(jobs.Config{
		Store: t.ID(), Ledger: t.Ledger(), Queue: sender.Queue(), Saver: w, Loader: w, Backfiller: w, Migrator: w, Submitter: q.submitter,
	})
	c, err := consumer.New(consumer.Config{JetStream: js, Queue: cfg, Executor: q.committed})
	if err != nil {
		return q, err
	}
	q.handles, err = c.StartConsume(context.WithoutCancel(ctx))
	return q, err
}

// wait waits until all jobs are committed; one that ended otherwise is an error.
func (q *queue) wait(ctx context.Context) error {
	select {
	case <-q.committed.done.all:
		return nil
	case err := <-q.committed.bad:
		return err
	case <-ctx.Done():
		return q.committed.done.wait(ctx)
	}
}

func (q *queue) stop(ctx context.Context) error {
	var err error
	if q.handles != nil {
		q.handles.Stop()
		err = q.handles.Join(context.WithoutCancel(ctx))
	}
	for _, nc := range []*nats.Conn{q.publishes, q.pulls} {
		if nc != nil {
			nc.Close()
		}
	}
	if q.broker != nil {
		err = errors.Join(err, q.broker.stop())
	}
	return err
}

// envelopes returns the resources as jobs of so many operations each, in the binary
// form.
func (b *alone) envelopes(n, operations int) []jobs.Envelope {
	var list []jobs.Envelope
	for from := 0; from < n; from += operations {
		e := jobs.NewSave(model, "importer", b.work.ops[from:min(from+operations, n)]...)
		e.Form = jobs.FormBinary
		list = append(list, e)
	}
	return list
}

// submitTogether is how many operations are submitted at a time, as many as River is
// given.
const submitTogether = riverInsertMany

// writeSingle writes jobs of one operation each.
func writeSingle(always bool) func(*alone, context.Context, *store, func(), func()) error {
	return func(b *alone, ctx context.Context, t *store, begin, end func()) error {
		return b.writeQueue(ctx, t, always, 1, begin, end)
	}
}

// writeBulk writes bulk jobs.
func writeBulk(always bool) func(*alone, context.Context, *store, func(), func()) error {
	return func(b *alone, ctx context.Context, t *store, begin, end func()) error {
		return b.writeQueue(ctx, t, always, b.bulk, begin, end)
	}
}

// writeQueue publishes jobs of so many operations each and waits until all are
// committed.
func (b *alone) writeQueue(ctx context.Context, t *store, always bool, operations int, begin, end func()) (err error) {
	envelopes := b.envelopes(b.resources, operations)
	q, err := startQueue(ctx, t, always, envelopes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.stop(ctx)) }()
	begin()
	for some := range slices.Chunk(envelopes, max(submitTogether/operations, 1)) {
		if _, err := q.submitter.Submit(ctx, some...); err != nil {
			return err
		}
	}
	err = q.wait(ctx)
	end()
	return err
}
