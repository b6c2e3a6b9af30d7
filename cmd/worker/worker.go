package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/internal/cli/targets"
	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// defaultGrace is how long running jobs may take to finish after a SIGTERM. Then they
// are cancelled and handed back; whoever takes them continues where they stopped.
const defaultGrace = 25 * time.Second

// tidyAfter is how long a command that does its own jobs, with a queue that it has made,
// puts off looking after others: most have ended by then, and the server's processors are
// theirs until then. A queue that was there may have lost jobs, which are looked for at once.
const tidyAfter = time.Second

// worker does the jobs of a session's store in this process.
type worker struct {
	session  *session
	consumer *consumer.Consumer
	handles  *consumer.Handles
	draining atomic.Bool
	// background ends with cancel: what publishes forgotten jobs and removes uploads.
	background sync.WaitGroup
	cancel     context.CancelFunc
	watched    watched
	executor   *observedExecutor
	// rules act on what no job tells of.
	rules interface {
		Fire(ctx context.Context, e *jobs.Event) (int, error)
	}
	// work measures what is done, for /metrics.
	work *web.Work
}

// startWorker starts to consume the queue of the session.
func (s *session) startWorker(ctx context.Context) (*worker, error) {
	w := &worker{session: s, work: web.NewWork()}
	executor, err := w.newExecutor()
	if err != nil {
		return nil, err
	}
	w.rules = executor
	if err := w.declare(ctx); err != nil {
		return nil, err
	}
	nc, err := s.dial(consumer.ConsumeOptions()...)
	if err != nil {
		return nil, fmt.Errorf("connect to consume: %w", err)
	}
	s.pulls = s.hold(nc, consumer.ConsumeOptions)
	w.executor = &observedExecutor{Executor: executor, work: w.work, ended: make(chan struct{}, 1), loadEnded: make(chan struct{}, 1)}
	if !s.options.exclusive {
		w.executor.longEnded = make(map[uuid.UUID]bool)
	}
	w.consumer, err = consumer.New(consumer.Config{
		Line: s.pulls, Queue: s.queue, Executor: w.executor, Observer: w.work, Logger: s.app.log, Exclusive: s.exclusive(),
		AckWait: s.options.limits.lease, Slots: s.options.limits.slots, Budget: s.options.limits.budget(),
		Lanes: named[jobs.Lane](s.options.takes.lanes), Kinds: named[jobs.Kind](s.options.takes.kinds),
	})
	if err != nil {
		return nil, err
	}
	// The end of ctx drains; it must not cancel jobs.
	if w.handles, err = w.consumer.StartConsume(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	w.startBackground(context.WithoutCancel(ctx))
	return w, nil
}

func (w *worker) newExecutor() (*jobs.Executor, error) {
	s := w.session
	userRules, err := s.app.global.userRules()
	if err != nil {
		return nil, err
	}
	work := &jobs.CatalogWork{
		Catalog: s.catalog, Sources: s.sources, Strict: s.app.strict(), Encoding: resource.Encoding(""),
		DivideAbove: s.options.limits.divideAbove, ChunkRows: s.options.limits.chunkRows, Targets: s.targets(),
	}
	return jobs.NewExecutor(jobs.Config{
		Store: s.store.ID(), Ledger: s.store.Ledger(), Queue: s.publisher.Queue(), Version: buildVersion(),
		Saver: timedSaver{work, w.work}, Loader: &observedLoader{Loader: work, watched: &w.watched}, Backfiller: work, Migrator: work,
		Dumper: work, Verifier: work, Chunker: work, Publisher: s.publisher,
		Submitter: w.ruleSubmitter(), Rules: userRules, RulesUser: s.app.global.rights.userName(), RuleActed: w.ruleActed,
		Contents:     jobs.BlobContents{Blobs: s.store.blobs},
		StallTimeout: s.options.limits.stall, Lease: s.options.limits.lease,
	}), nil
}

// targets are where dumps are written here.
func (s *session) targets() jobs.Targets {
	all := targets.Of(s.app.global.mayWrite)
	all[jobs.SchemeDownload] = s.downloads
	return all
}

// strict reports whether models must be declared: with a shared queue that is
// the default, since anybody who can publish could make models.
func (a *app) strict() bool {
	if a.global.nats != "" && !a.global.strictModels {
		return a.origins["strict-models"] == "default"
	}
	return a.global.strictModels
}

func (w *worker) startBackground(ctx context.Context) {
	ctx, w.cancel = context.WithCancel(ctx)
	s := w.session
	looks := consumer.NewLooks(s.conn, s.queue)
	reconciler := &jobs.Reconciler{Ledger: s.store.Ledger(), Publisher: s.publisher, Others: looks, Report: func(n int, err error) {
		w.work.Reconciled(web.ReasonMessage, n)
		w.work.Busy(web.ByReconciler, err)
		if err != nil {
			s.app.log.Warn("could not publish forgotten jobs", zap.Error(err))
		} else if n > 0 {
			s.app.log.Info("published forgotten jobs", zap.Int("jobs", n))
		}
	}, Released: w.released()}
	reconcile := func(ctx context.Context) {
		defer looks.Close()
		reconciler.Run(ctx)
	}
	for _, tidy := range []func(context.Context){reconcile, w.keepLetters, w.sweepUploads} {
		w.background.Go(func() {
			w.putOff(ctx)
			tidy(ctx)
		})
	}
	if s.options.kept != nil {
		w.background.Go(func() { w.pruneJobs(ctx) })
		w.background.Go(func() { w.makeIndexes(ctx) })
		w.background.Go(func() { w.sweep(ctx) })
	}
}

// putOff waits until it is time to look after other jobs, or for the end of ctx.
func (w *worker) putOff(ctx context.Context) {
	if w.session.options.exclusive || !w.session.newQueue {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(tidyAfter):
	}
}

// released reports jobs whose time has come, and each trouble with them once.
func (w *worker) released() func(n int, err error) {
	last, a := "", w.session.app
	return func(n int, err error) {
		w.work.Busy(web.ByReconciler, err)
		switch {
		case err == nil:
			if last = ""; n > 0 {
				a.log.Info("published jobs whose time has come", zap.Int("jobs", n))
			}
		case err.Error() != last:
			last = err.Error()
			a.log.Warn("could not publish jobs whose time has come, will be tried again", zap.Error(err))
		}
	}
}

// failed is closed when consuming ended by itself, nil when nothing is consumed here.
func (s *session) failed() <-chan struct{} {
	if s.worker == nil {
		return nil
	}
	return s.worker.handles.Done()
}

// ended has a token when a job has ended here, nil when nothing is consumed here.
func (s *session) ended() <-chan struct{} {
	if s.worker == nil {
		return nil
	}
	return s.worker.executor.ended
}

func (s *session) failure() error { return s.worker.handles.Err() }

// watch shows the progress of a job in task while it runs in this process: the
// ledger would tell it only now and then.
func (s *session) watch(id uuid.UUID, task *progress.Task) {
	if s.worker != nil {
		s.worker.watched.add(id, task)
	}
}

// watched are the jobs whose progress is shown.
type watched struct {
	mu    sync.Mutex
	tasks map[uuid.UUID]*progress.Task
}

func (w *watched) add(id uuid.UUID, task *progress.Task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tasks == nil {
		w.tasks = map[uuid.UUID]*progress.Task{}
	}
	w.tasks[id] = task
}

func (w *watched) update(id uuid.UUID, p storage.Progress) {
	w.mu.Lock()
	task := w.tasks[id]
	w.mu.Unlock()
	if task != nil {
		task.Update(p.Done, p.Total)
	}
}

// observedLoader is a loader whose progress is shown.
type observedLoader struct {
	jobs.Loader
	watched *watched
}

// Load implements [jobs.Loader].
func (o *observedLoader) Load(ctx context.Context, c storage.Claim, by jobs.Actor, l jobs.Load, report func(storage.Progress)) error {
	return o.Loader.Load(ctx, c, by, l, func(p storage.Progress) {
		report(p)
		o.watched.update(c.Job, p)
	})
}

func ensureStreams(ctx context.Context, nc *nats.Conn, q consumer.QueueConfig) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return consumer.EnsureStreams(ctx, js, q)
}
