package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// world is a real queue and a real store.
type world struct {
	t       *testing.T
	factory storage.Factory
	catalog *manager.Catalog
	server  *natsd.Server
	nc      *nats.Conn // of the submitter and the test itself
	queue   consumer.QueueConfig
	submit  *jobs.QueueSubmitter
	sender  *consumer.Publisher
	sources jobs.SourceOpener
	// executor is put between the consumer and the real one when not nil.
	executor func(*jobs.Executor) consumer.Executor
	// settings changes those of the executor when not nil.
	settings func(*jobs.CatalogWork, *jobs.Config)
	ackWait  time.Duration
	batch    int
	patience time.Duration // of until; at least half a minute
}

// stores are the backends that every test of effects runs on.
var stores = map[string]func(*testing.T) storage.Factory{
	"memory": func(*testing.T) storage.Factory { return memory.New() },
	"sqlite": func(t *testing.T) storage.Factory {
		f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	},
}

// onEveryStore runs a test on each backend.
func onEveryStore(t *testing.T, test func(*testing.T, *world)) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) { test(t, newWorld(t, open(t))) })
	}
}

// newWorld makes a world whose test runs beside others.
func newWorld(t *testing.T, f storage.Factory) *world {
	t.Helper()
	t.Parallel()
	return newWorldAlone(t, f)
}

func newWorldAlone(t *testing.T, f storage.Factory) *world {
	t.Helper()
	return newWorldOf(t, f, natsd.Options{})
}

func newWorldOf(t *testing.T, f storage.Factory, o natsd.Options) *world {
	t.Helper()
	server, err := natsd.Start(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	w := &world{
		t: t, factory: f, server: server, ackWait: 2 * time.Second,
		catalog: manager.NewCatalog(f, nil, manager.Options{}),
		queue:   consumer.QueueConfig{Namespace: "test", Store: f.ID(), Create: true, MaxBytes: 256 << 20},
	}
	w.nc = w.connect()
	if err := consumer.EnsureStreams(t.Context(), w.js(w.nc), w.queue); err != nil {
		t.Fatal(err)
	}
	w.sender, err = consumer.NewPublisher(w.nc, w.queue)
	if err != nil {
		t.Fatal(err)
	}
	w.submit = jobs.NewSubmitter(f.ID(), f.Ledger(), w.sender)
	return w
}

func (w *world) connect() *nats.Conn {
	w.t.Helper()
	nc, err := w.server.Connect()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	return nc
}

func (w *world) js(nc *nats.Conn) jetstream.JetStream {
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err) // only for wrong options
	}
	return js
}

// config is that of a worker with a connection of its own.
func (w *world) config(nc *nats.Conn) consumer.Config {
	work := &jobs.CatalogWork{Catalog: w.catalog, Sources: w.sources}
	settings := jobs.Config{
		Store: w.factory.ID(), Ledger: w.factory.Ledger(), Queue: w.sender.Queue(),
		Saver: work, Loader: work, Backfiller: work, Migrator: work, Submitter: w.submit,
		RetryMin: 10 * time.Millisecond, RetryMax: 40 * time.Millisecond, Version: "v1.2.3-test",
	}
	if w.settings != nil {
		w.settings(work, &settings)
	}
	real := jobs.NewExecutor(settings)
	var x consumer.Executor = real
	if w.executor != nil {
		x = w.executor(real)
	}
	return consumer.Config{
		JetStream: w.js(nc), Queue: w.queue, Executor: x, AckWait: w.ackWait, Batch: w.batch, Logger: zap.NewNop(),
	}
}

// start starts a worker and stops it at the end of the test.
func (w *world) start(change ...func(*consumer.Config)) (*consumer.Handles, *nats.Conn) {
	w.t.Helper()
	nc := w.connect()
	cfg := w.config(nc)
	for _, c := range change {
		c(&cfg)
	}
	c, err := consumer.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := c.StartConsume(context.WithoutCancel(w.t.Context()))
	if err != nil {
		w.t.Fatal(err)
	}
	w.release(h)
	w.t.Cleanup(func() { w.stop(h) })
	return h, nc
}

// release publishes jobs whose time has come, while a worker runs.
func (w *world) release(h *consumer.Handles) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	r := &jobs.Reconciler{Ledger: w.factory.Ledger(), Publisher: w.sender, DueEvery: 20 * time.Millisecond}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Release(ctx)
	}()
	w.t.Cleanup(func() { <-ended })
	go func() {
		<-h.Done()
		cancel()
	}()
}

func (w *world) stop(h *consumer.Handles) {
	w.t.Helper()
	h.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := h.Join(ctx); ctx.Err() != nil {
		w.t.Errorf("the worker did not stop: %v", err)
	}
}

// create returns the envelope of a save that creates a resource.
func (w *world) create(id string) jobs.Envelope {
	return jobs.NewSave("person", "tester", manager.Operation{
		Op: manager.OpCreate, ResourceID: resource.ID(id), Data: []byte(`{"name":"` + id + `"}`),
	})
}

// update returns the envelope of a save that updates a resource.
func (w *world) update(id string, n int) jobs.Envelope {
	return jobs.NewSave("person", "tester", manager.Operation{
		Op: manager.OpUpdate, ResourceID: resource.ID(id), Data: fmt.Appendf(nil, `{"n":%d}`, n),
	})
}

func (w *world) send(es ...jobs.Envelope) []jobs.Receipt {
	w.t.Helper()
	rs, err := w.submit.Submit(w.t.Context(), es...)
	if err != nil {
		w.t.Fatal(err)
	}
	return rs
}

// wait polls until the jobs are in the given state.
func (w *world) wait(state storage.JobState, rs ...jobs.Receipt) []storage.Job {
	w.t.Helper()
	rows := make([]storage.Job, len(rs))
	for i, r := range rs {
		w.until("job "+r.Text+" is "+string(state), func() (err error) {
			rows[i], err = w.factory.Ledger().Get(w.t.Context(), r.ID)
			if err == nil && rows[i].State != state {
				err = fmt.Errorf("it is %s: %s %s", rows[i].State, rows[i].ErrorCode, rows[i].ErrorMessage)
			}
			return err
		})
	}
	return rows
}

// until polls until f finds nothing wrong.
func (w *world) until(what string, f func() error) {
	w.t.Helper()
	deadline := time.After(max(w.patience, 30*time.Second))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}

// revisions returns how many revisions a resource has.
func (w *world) revisions(id string) int {
	w.t.Helper()
	m, err := w.catalog.Open(w.t.Context(), "person")
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, err := range m.Revisions(w.t.Context(), resource.ID(id)) {
		if err != nil {
			w.t.Fatal(err)
		}
		n++
	}
	return n
}

// drained waits until the queue holds no message of a subject.
func (w *world) drained(l jobs.Lane, k jobs.Kind) {
	w.t.Helper()
	w.until("the queue is empty", func() error {
		n, err := w.sender.Waiting(w.t.Context(), jobs.Subject(w.queue.Namespace, l, k))
		if err == nil && n > 0 {
			err = fmt.Errorf("%d messages wait", n)
		}
		return err
	})
}

// letters returns the messages of the dead-letter stream.
func (w *world) letters() []*jetstream.RawStreamMsg {
	w.t.Helper()
	s, err := w.js(w.nc).Stream(w.t.Context(), w.queue.DeadName())
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := s.Info(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	for seq := info.State.FirstSeq; seq > 0 && seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(w.t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// executorFunc puts a function around an executor.
type executorFunc struct {
	*jobs.Executor
	execute func(context.Context, []jobs.Delivery) []jobs.Verdict
}

// Open implements [consumer.Executor].
func (x executorFunc) Open(ds []jobs.Delivery) jobs.Batch { return batchFunc{x.execute, ds} }

// batchFunc is a batch that a function carries out.
type batchFunc struct {
	execute    func(context.Context, []jobs.Delivery) []jobs.Verdict
	deliveries []jobs.Delivery
}

// Run implements [jobs.Batch].
func (b batchFunc) Run(ctx context.Context) []jobs.Verdict { return b.execute(ctx, b.deliveries) }

// Close implements [jobs.Batch].
func (batchFunc) Close() {}

// recorder counts the deliveries of each job.
type recorder struct {
	mu     sync.Mutex
	counts map[string]int
	sizes  []int
}

func (r *recorder) around(x *jobs.Executor) consumer.Executor {
	return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
		r.mu.Lock()
		if r.counts == nil {
			r.counts = make(map[string]int)
		}
		for _, d := range ds {
			r.counts[d.MessageID]++
		}
		r.sizes = append(r.sizes, len(ds))
		r.mu.Unlock()
		return x.Execute(ctx, ds)
	}}
}

func (r *recorder) of(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[id]
}

var errTest = errors.New("test")
