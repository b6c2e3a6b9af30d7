package consumer_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// BenchmarkSaves measures 20,000 single saves through a queue whose disk is
// synced for every message, into SQLite: publishing alone, and until the last
// one is committed, until its acknowledgement is on the disk of the queue too.
func BenchmarkSaves(b *testing.B) {
	const saves = 20_000
	for b.Loop() {
		b.StopTimer()
		f, err := sqlite.Open(b.Context(), sqlite.Config{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		server, err := natsd.Start(b.TempDir(), natsd.Options{})
		if err != nil {
			b.Fatal(err)
		}
		w := &world{
			factory: f, server: server, catalog: manager.NewCatalog(f, nil, manager.Options{}),
			queue: consumer.QueueConfig{Namespace: "bench", Store: f.ID(), Create: true},
		}
		published, committed, drained := w.bench(b, saves)
		b.ReportMetric(saves/published.Seconds(), "published/s")
		b.ReportMetric(saves/committed.Seconds(), "saved/s")
		b.ReportMetric(saves/drained.Seconds(), "acked/s")
		server.Shutdown()
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func (w *world) bench(b *testing.B, n int) (published, committed, drained time.Duration) {
	nc, err := w.server.Connect()
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	if w.sender, err = consumer.NewPublisher(nc, w.queue); err != nil {
		b.Fatal(err)
	}
	w.submit = jobs.NewSubmitter(w.factory.ID(), w.factory.Ledger(), w.sender)
	var done atomic.Int64
	var last atomic.Pointer[time.Time]
	w.executor = func(x *jobs.Executor) consumer.Executor {
		return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			vs := x.Execute(ctx, ds)
			if now := time.Now(); done.Add(int64(len(vs))) == int64(n) {
				last.Store(&now)
			}
			return vs
		}}
	}
	cfg := w.config(nc)
	if err := consumer.EnsureStreams(b.Context(), cfg.JetStream, w.queue); err != nil {
		b.Fatal(err)
	}
	envelopes := make([]jobs.Envelope, n)
	for i := range envelopes {
		envelopes[i] = w.create(fmt.Sprintf("p%d", i))
	}
	begin := time.Now()
	if _, err := w.submit.Submit(b.Context(), envelopes...); err != nil {
		b.Fatal(err)
	}
	published = time.Since(begin)
	c, err := consumer.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	begin = time.Now()
	h, err := c.StartConsume(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	subject := jobs.Subject(w.queue.Namespace, jobs.LaneNormal, jobs.KindSave)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for left := uint64(1); left > 0; {
		<-tick.C
		if left, err = w.sender.Waiting(b.Context(), subject); err != nil {
			b.Fatal(err)
		}
	}
	drained, committed = time.Since(begin), last.Load().Sub(begin)
	h.Stop()
	if err := h.Join(b.Context()); err != nil {
		b.Fatal(err)
	}
	return published, committed, drained
}
