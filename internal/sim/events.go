package sim

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/fakebroker"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/faulty"
)

// errAborted is why a worker ends that was told to twice.
var errAborted = errors.New("told to end twice")

// happen has an event take place, in the background when it takes time.
func (w *world) happen(e Event) {
	w.note("%s of worker %d for %s", e.What, e.Worker, e.For)
	switch e.What {
	case Outage, Readonly:
		w.events.Go(func() { w.outage(e) })
	case Leader:
		w.broker.LoseLeader(e.Told)
		w.after(e.For, w.broker.Elect)
	case Delete:
		w.events.Go(func() { w.deleted(e.For) })
	default:
		w.trouble(w.workers[e.Worker], e)
	}
}

// after does something later.
func (w *world) after(d time.Duration, do func()) {
	w.events.Go(func() {
		time.Sleep(d)
		do()
	})
}

// trouble is an event of one worker, unless it has another one.
func (w *world) trouble(k *worker, e Event) {
	if !k.busy.CompareAndSwap(false, true) {
		return
	}
	done := func() { k.busy.Store(false) }
	switch l := k.now; e.What {
	case Unknown:
		l.plan.Arm(faulty.Fault{On: []string{"Unit.Update"}, Do: faulty.FailAfter(storage.ErrUnavailable)})
		done()
	case Cut:
		l.conn.Cut()
		w.after(e.For, func() { l.conn.Resume(); done() })
	case Hole:
		l.conn.Stall()
		w.after(e.For, func() { l.conn.Resume(); done() })
	case Stall:
		w.events.Go(func() { l.stall(e.For); done() })
	case Crash:
		l.kill()
		w.after(e.For, func() { k.start(); done() })
	case Drain, Abort:
		w.events.Go(func() {
			k.drain(l, e.What == Abort)
			time.Sleep(e.For)
			k.start()
			done()
		})
	}
}

// outage has the store be down for everybody, unless it is.
func (w *world) outage(e Event) {
	if !w.setDown("", e.What) {
		return
	}
	time.Sleep(e.For - time.Millisecond)
	if e.What == Outage {
		for _, l := range w.processes() {
			if l.executor.pausedWithin(e.For - 5*time.Millisecond) {
				l.mustBePaused()
			}
		}
	}
	time.Sleep(time.Millisecond)
	w.setDown(e.What, "")
}

// processes returns those that live.
func (w *world) processes() []*life {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.lives))
}

// setDown changes what is the matter with the store, if it is as it was.
func (w *world) setDown(was, is What) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down != was {
		return false
	}
	w.down = is
	for _, l := range w.lives {
		l.arm()
	}
	return true
}

// mustBePaused checks that a process which met an outage says so.
func (l *life) mustBePaused() {
	for _, t := range l.handles.Trouble() {
		if t.Loop == "" {
			return
		}
	}
	select {
	case <-l.handles.Done():
	default:
		l.world.violated("%s met the outage and does not say that it is paused", l.name)
	}
}

// deleted has the durable consumers be deleted, and made again by an operator.
func (w *world) deleted(d time.Duration) {
	for _, name := range w.durables() {
		w.broker.DeleteConsumer(w.queue.StreamName(), name)
	}
	time.Sleep(d)
	for _, name := range w.durables() {
		for w.ctx.Err() == nil {
			if err := w.create(name); err == nil || errors.Is(err, jetstream.ErrConsumerExists) {
				break
			}
		}
	}
}

// stall stops a process and lets it go on.
func (l *life) stall(d time.Duration) {
	l.conn.Stall()
	l.world.mu.Lock()
	l.stalled = time.Now().Add(d)
	l.arm()
	l.world.mu.Unlock()
	time.Sleep(d)
	l.conn.Resume()
	l.world.mu.Lock()
	l.arm()
	l.world.mu.Unlock()
}

// kill has a process be gone at once.
func (l *life) kill() {
	l.world.mu.Lock()
	l.killed = true
	l.arm()
	l.world.mu.Unlock()
	l.conn.Close()
	l.handles.Abort(errKilled)
	l.end()
}

// drain tells a process to end, twice when it is told to abort, and waits until it has.
func (k *worker) drain(l *life, abort bool) {
	w := k.world
	l.handles.Stop()
	if abort {
		time.Sleep(100 * time.Millisecond)
		l.handles.Abort(errAborted)
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = l.handles.Join(ctx)
	if ctx.Err() != nil {
		if w.quiet() {
			w.violated("%s did not end within %s", l.name, grace)
		}
		l.handles.Abort(errAborted)
	}
	<-l.gone
	if w.quiet() && !abort {
		l.executor.mustHoldNothing()
	}
	l.conn.Close()
}

// quiet reports whether connections and the store are well in this schedule.
func (w *world) quiet() bool { return w.Theme == Calm || w.Theme == Drains }

// lossOf has everything of a kind be lost, or nothing for sure.
func (w *world) lossOf(what fakebroker.Loss, on bool) {
	w.all.Store(0)
	if on {
		w.all.Store(int64(what) + 1)
	}
}
