package sim

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/fakebroker"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage/faulty"
)

const (
	// grace is how long a worker that is told to end may take for what it has begun.
	grace = 40 * time.Second
	// startAgain is after how long a supervisor starts a worker anew.
	startAgain = 500 * time.Millisecond
)

// errKilled is why a killed worker ends.
var errKilled = errors.New("killed")

// worker is a place where one process lives after another.
type worker struct {
	world *world
	name  string
	lives int
	now   *life
	busy  atomic.Bool // an event has it
}

// life is one process.
type life struct {
	world    *world
	name     string
	conn     *fakebroker.Conn
	plan     *faulty.Plan
	executor *watched
	consumer *consumer.Consumer
	handles  *consumer.Handles
	end      context.CancelFunc
	gone     chan struct{} // closed when nothing of it runs any more
	stalled  time.Time     // until when
	killed   bool
}

// start starts a process, again until it could begin to consume.
func (k *worker) start() {
	for k.world.ctx.Err() == nil {
		k.lives++
		l, err := k.world.newLife(fmt.Sprintf("%s.%d", k.name, k.lives))
		if err == nil {
			k.now = l
			return
		}
		k.world.note("%s does not start: %v", k.name, err)
		time.Sleep(startAgain)
	}
}

func (w *world) newLife(name string) (*life, error) {
	ctx, cancel := context.WithCancel(w.ctx)
	l := &life{world: w, name: name, plan: &faulty.Plan{}, end: cancel, gone: make(chan struct{})}
	l.conn = w.broker.Connect(name, w.Delay)
	factory := faulty.New(w.factory, l.plan)
	catalog := manager.NewCatalog(factory, nil, manager.Options{})
	if _, err := catalog.Open(ctx, model); err != nil { // before the store may be down
		cancel()
		return nil, err
	}
	w.mu.Lock()
	w.lives[name] = l
	l.arm()
	w.mu.Unlock()
	sender := &sender{conn: l.conn, queue: w.queue, broker: w.broker}
	submit := jobs.NewSubmitter(factory.ID(), factory.Ledger(), sender)
	work := &work{world: w, life: l, catalog: &jobs.CatalogWork{Catalog: catalog}, factory: factory}
	l.executor = newWatched(jobs.NewExecutor(jobs.Config{
		Store: factory.ID(), Ledger: factory.Ledger(), Queue: sender.Queue(),
		Saver: work, Loader: work, Backfiller: work, Submitter: submit,
		Lease: w.Lease, RetryMin: 50 * time.Millisecond, RetryMax: 400 * time.Millisecond,
	}), l)
	queue := w.queue
	queue.Create = w.Create
	c, err := consumer.New(consumer.Config{
		JetStream: l.conn.JetStream(), Link: l.conn, Queue: queue, Executor: l.executor,
		Lanes: w.Lanes, Kinds: w.Kinds, AckWait: w.AckWait, Batch: w.Batch, Beside: w.Beside, Slots: w.Slots,
		Budget: consumer.NewBudget(4, 0),
	})
	if err == nil {
		l.consumer = c
		l.handles, err = c.StartConsume(ctx)
	}
	if err != nil {
		l.leave()
		cancel()
		l.conn.Close()
		return nil, err
	}
	reconciler := &jobs.Reconciler{Ledger: factory.Ledger(), Publisher: sender, Every: 5 * time.Second}
	w.wg.Go(func() { reconciler.Run(ctx) })
	w.wg.Go(l.wait)
	return l, nil
}

// wait waits for the end of the process.
func (l *life) wait() {
	defer close(l.gone)
	<-l.handles.Done()
	if err := l.handles.Join(context.Background()); err != nil && !l.isKilled() && !errors.Is(err, errAborted) {
		l.world.violated("%s ended by itself: %v", l.name, err)
	}
	for _, h := range l.handles.All() {
		select {
		case <-h.Done():
		default:
			l.world.violated("%s is done before its loop %s", l.name, h.Name())
		}
	}
	l.end()
	l.leave()
}

// leave has what happens to the store be none of the process's business any more.
func (l *life) leave() {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	delete(l.world.lives, l.name)
}

// arm has the process meet what is the matter with its store. The caller holds the
// world's lock.
func (l *life) arm() {
	l.plan.Disarm()
	always := func(do faulty.Effect, on ...string) {
		l.plan.Arm(faulty.Fault{On: on, Times: faulty.Always, Do: do})
	}
	switch {
	case l.killed:
		always(faulty.Outage(), "*")
	case l.world.down == Outage:
		always(faulty.Outage(), "*")
	case l.world.down == Readonly:
		always(faulty.Outage(), "Unit.*", "Ledger.Attempt", "Ledger.Claim", "Ledger.Renew", "Ledger.Finish", "Ledger.Settle", "Ledger.Insert")
	case time.Now().Before(l.stalled):
		always(faulty.Delay(time.Until(l.stalled)), "Unit.*", "Ledger.*")
	}
}

func (l *life) isKilled() bool {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	return l.killed
}
