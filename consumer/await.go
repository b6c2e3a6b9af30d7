package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/jobs"
)

// lookEvery is how often the queue is asked for messages of lanes and kinds that
// have had none. Usually their first message says so itself; one that this
// connection may not see, or that a batch brought late, is found so.
const lookEvery = 2 * time.Second

// waker makes loops of an exclusive owner wait for the first message of their lane
// and kind. Making a durable consumer costs the server several syncs of its disk,
// and most lanes and kinds never have a message while a command runs.
type waker struct {
	cfg  Config
	mu   sync.Mutex
	wait map[string]chan struct{} // by subject; closed and removed when it has messages
	subs []*nats.Subscription
}

// newWaker watches for messages of loops that have no durable consumer yet, and
// gives those loops a channel that is closed when there is one.
func newWaker(ctx context.Context, cfg Config, loops []*loop) (*waker, error) {
	w := &waker{cfg: cfg, wait: make(map[string]chan struct{})}
	for _, l := range loops {
		wake := make(chan struct{})
		l.wake, w.wait[l.subject(cfg.Queue)] = wake, wake
	}
	err := w.subscribe(ctx, loops)
	if err == nil {
		err = w.look(ctx) // for what came before the server knew of the subscriptions
	}
	if err != nil {
		w.unsubscribe()
		return nil, fmt.Errorf("watch for messages: %w", err)
	}
	return w, nil
}

// subscribe has the server tell of the first message of each subject.
func (w *waker) subscribe(ctx context.Context, loops []*loop) error {
	nc := w.cfg.js().Conn()
	for _, l := range loops {
		sub, err := nc.Subscribe(l.subject(w.cfg.Queue), func(m *nats.Msg) { w.found(m.Subject) })
		if err != nil {
			return err
		}
		w.subs = append(w.subs, sub)
		if err := sub.AutoUnsubscribe(1); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	return nc.FlushWithContext(ctx)
}

func (w *waker) unsubscribe() {
	if w == nil {
		return
	}
	for _, sub := range w.subs {
		_ = sub.Unsubscribe() // one that had its message has ended
	}
}

func (d durable) subject(q QueueConfig) string { return jobs.Subject(q.Namespace, d.lane, d.kind) }

// found wakes the loop of a subject.
func (w *waker) found(subject string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if wake, ok := w.wait[subject]; ok {
		close(wake)
		delete(w.wait, subject)
	}
}

// look wakes the loops whose subjects have messages in the stream.
func (w *waker) look(ctx context.Context) error {
	stream, err := w.cfg.js().Stream(ctx, w.cfg.Queue.StreamName())
	if err != nil {
		return err
	}
	if stream.CachedInfo().State.Msgs == 0 {
		return nil
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("specstar."+w.cfg.Queue.Namespace+".jobs.*.*"))
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		w.found(subject)
	}
	return nil
}

// waiting reports whether a loop was not woken yet.
func (w *waker) waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.wait) > 0
}

// run looks now and then until ctx ends or every loop was woken.
func (w *waker) run(ctx context.Context) {
	defer w.unsubscribe()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for w.waiting() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := w.look(ctx)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = EnsureStreams(ctx, w.cfg.js(), w.cfg.Queue) // loops that wait would not
		}
		if err != nil && ctx.Err() == nil {
			w.cfg.Logger.Debug("cannot look for messages, will be tried again", zap.Error(err))
		}
	}
}

// mayWait reports whether there is nothing for the loop yet.
func (l *loop) mayWait() bool {
	if l.wake == nil {
		return false
	}
	select {
	case <-l.wake:
		return false
	default:
		return true
	}
}

// bindFirst waits for the first message and makes the durable consumer, unless that
// was done at the start.
func (l *loop) bindFirst(ctx context.Context) error {
	if l.isBound() {
		return nil
	}
	select {
	case <-l.wake:
	case <-ctx.Done():
		return nil
	}
	if err := l.rebindWithin(ctx, bindFirstWait); err != nil && ctx.Err() == nil {
		return l.recover(ctx, err)
	}
	return nil
}

// isBound reports whether the loop has a durable consumer.
func (l *loop) isBound() bool { return l.from.source != nil }
