package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errStopped is the cause that ends pulling when Stop is called.
var errStopped = errors.New("stopped")

// errAborted is the cause of an Abort without one.
var errAborted = errors.New("aborted")

// Handles are the running loops of a consumer. All methods may be called from
// anywhere, any number of times, and on nil, which stands for no loops.
type Handles struct {
	loops  []*Handle
	all    []*loop
	gate   *gate
	budget *Budget
	done   chan struct{}
	pull   context.CancelCauseFunc // ends pulling
	work   context.CancelCauseFunc // cancels running jobs

	mu  sync.Mutex
	err error
}

// Handle is one running loop: a lane and a kind.
type Handle struct {
	name string
	done chan struct{}
	err  error // set before done is closed
}

// Name is the lane and kind, "normal-save".
func (h *Handle) Name() string { return h.name }

// Done is closed when the loop has ended.
func (h *Handle) Done() <-chan struct{} { return h.done }

// Err returns what ended the loop: nil while it runs and when it was stopped.
func (h *Handle) Err() error {
	select {
	case <-h.done:
		return h.err
	default:
		return nil
	}
}

// Join waits for the loop to end and returns what ended it, or the end of ctx.
func (h *Handle) Join(ctx context.Context) error { return join(ctx, h.done, h.Err) }

func join(ctx context.Context, done <-chan struct{}, result func() error) error {
	select {
	case <-done:
		return result()
	default:
	}
	select {
	case <-done:
		return result()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// launch starts the loops. pulling ends with Stop or with working, working with
// Abort or with ctx.
func launch(ctx context.Context, cfg Config, loops []*loop, w *waker) *Handles {
	work, cancelWork := context.WithCancelCause(ctx)
	pull, cancelPull := context.WithCancelCause(work)
	h := &Handles{done: make(chan struct{}), pull: cancelPull, work: cancelWork}
	g := newGate(cfg.Executor, cfg.Logger)
	h.gate, h.budget, h.all = g, cfg.Budget, loops
	var wg sync.WaitGroup
	wg.Go(func() { g.run(pull) })
	if w != nil {
		wg.Go(func() { w.run(pull) })
	}
	for _, l := range loops {
		l.gate = g
		one := &Handle{name: l.name(), done: make(chan struct{})}
		h.loops = append(h.loops, one)
		wg.Go(func() {
			defer close(one.done)
			if one.err = l.run(pull, work); one.err != nil {
				h.fail(one.err)
			}
		})
	}
	go h.finish(ctx, work, cfg, loops, &wg)
	return h
}

// finish waits for the loops, sees that their last acknowledgements are sent,
// leaves the queue in good order and closes done.
func (h *Handles) finish(ctx, work context.Context, cfg Config, loops []*loop, wg *sync.WaitGroup) {
	wg.Wait()
	if work.Err() != nil {
		h.note(context.Cause(work))
	}
	h.work(errStopped)
	if js := cfg.js(); js != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleMax)
		_ = cfg.Link.FlushWithContext(ctx)
		if cfg.Exclusive {
			for _, l := range loops {
				if l.isBound() {
					l.sweep(ctx, js, cfg.Queue)
					l.settle(ctx, js, cfg.Queue)
					l.remove(ctx, js, cfg.Queue)
				}
			}
		}
		cancel()
	}
	close(h.done)
}

// note keeps the first error.
func (h *Handles) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = err
	}
}

// fail ends all loops because one of them could not go on.
func (h *Handles) fail(err error) {
	h.note(err)
	h.pull(err)
}

// All returns one handle for each loop.
func (h *Handles) All() []*Handle {
	if h == nil {
		return nil
	}
	return h.loops
}

// Trouble is why jobs are not done though nothing has ended.
type Trouble struct {
	// Loop is the lane and kind whose durable consumer cannot be reached, empty when
	// all wait for the store.
	Loop  string
	Since time.Time
	Err   error
}

// String says it in one line, without the time.
func (t Trouble) String() string {
	if t.Loop == "" {
		return fmt.Sprintf("paused: %v", t.Err)
	}
	return fmt.Sprintf("%s cannot reach its durable consumer: %v", t.Loop, t.Err)
}

// Trouble returns what is wrong now and will be put right by itself when its cause
// ends; nothing while all is well.
func (h *Handles) Trouble() []Trouble {
	if h == nil {
		return nil
	}
	var all []Trouble
	if since, err := h.gate.trouble(); err != nil {
		all = append(all, Trouble{Since: since, Err: err})
	}
	for _, l := range h.all {
		if since, err := l.unreachable(); err != nil {
			all = append(all, Trouble{Loop: l.name(), Since: since, Err: err})
		}
	}
	return all
}

// Stop ends pulling. Running jobs finish; messages whose job has not begun are
// handed back at once. Stop does not wait, see Join.
func (h *Handles) Stop() {
	if h != nil {
		h.pull(errStopped)
	}
}

// Abort ends pulling and cancels running jobs, which are handed back uncounted.
// cause is what Join and Err then return. Abort does not wait.
func (h *Handles) Abort(cause error) {
	if h == nil {
		return
	}
	if cause == nil {
		cause = errAborted
	}
	h.work(cause)
}

// Join waits until every loop has ended, or for the end of ctx, whose cause it
// then returns. It returns nil after Stop, the cause after Abort or after the
// end of the context given to StartConsume, else what ended the loops.
func (h *Handles) Join(ctx context.Context) error {
	if h == nil {
		return nil
	}
	return join(ctx, h.done, h.Err)
}

// Done is closed when every loop has ended.
func (h *Handles) Done() <-chan struct{} {
	if h == nil {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return h.done
}

// Err returns what ended consuming, nil while all is well or after Stop.
func (h *Handles) Err() error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}
