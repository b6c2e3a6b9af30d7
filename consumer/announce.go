package consumer

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/jobs"
)

// eventsAtOnce is how many events a loop may be publishing, whose messages stay in memory
// meanwhile. With more its batches wait for
// one to be there.
const eventsAtOnce = 16

// announcements are messages whose jobs have ended, with the event that tells so.
type announcements []*announcement

// announcement is an event and the messages that are acknowledged when it is published:
// so whatever is killed before that has the event told again, by the next delivery.
type announcement struct {
	event    *jobs.Event
	messages []message
	places   []uint64 // of the messages in the stream
	// before is closed when the announcement that was begun before is done, and done when
	// this one is; nil where there is none beside others.
	before, done chan struct{}
}

// add adds a message to those of its event.
func (a *announcements) add(e *jobs.Event, m message, at uint64) {
	for _, same := range *a {
		if same.event.ID == e.ID {
			same.messages, same.places = append(same.messages, m), append(same.places, at)
			return
		}
	}
	*a = append(*a, &announcement{event: e, messages: []message{m}, places: []uint64{at}})
}

// telling are the announcements on their way.
type telling struct {
	running sync.WaitGroup

	mu   sync.Mutex
	open map[*announcement]struct{}
	last chan struct{} // done of the one that was begun last
}

// begin notes an announcement, unless too many are noted.
func (t *telling) begin(a *announcement) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.open) >= eventsAtOnce {
		return false
	}
	note(&t.open, a)
	a.before, a.done = t.last, make(chan struct{})
	t.last = a.done
	return true
}

func (t *telling) end(a *announcement) {
	close(a.done)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, a)
	if len(t.open) == 0 {
		t.last = nil
	}
}

// turnWait is how long an announcement that is published waits for the one before.
const turnWait = 50 * time.Millisecond

// turn waits until the announcement before is done, so that messages are acknowledged in
// their order: what the server removes behind the front of a stream it notes as a hole.
func (a *announcement) turn() {
	if a.before == nil {
		return
	}
	select {
	case <-a.before:
	default:
		timer := time.NewTimer(turnWait)
		defer timer.Stop()
		select {
		case <-a.before:
		case <-timer.C:
		}
	}
}

// all returns the messages, which are not to be forgotten by the server.
func (t *telling) all() (all []message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for a := range t.open {
		all = append(all, a.messages...)
	}
	return all
}

// wait returns when all are published, or their messages handed back.
func (t *telling) wait() { t.running.Wait() }

// note adds to a set that may be nil.
func note[K comparable](set *map[K]struct{}, k K) {
	if *set == nil {
		*set = make(map[K]struct{})
	}
	(*set)[k] = struct{}{}
}

// announce publishes events and acknowledges their messages then: those of saves beside
// what the loop does next.
func (l *loop) announce(ctx context.Context, all announcements) {
	for _, a := range all {
		if l.kind != jobs.KindSave || !l.telling.begin(a) {
			l.announceNow(ctx, a)
			continue
		}
		l.stats.inFlight.Add(int64(len(a.messages)))
		l.telling.running.Go(func() {
			defer l.stats.inFlight.Add(-int64(len(a.messages)))
			defer l.telling.end(a)
			l.announceNow(ctx, a)
		})
	}
}

// announceNow publishes an event and acknowledges its messages, or hands them back.
func (l *loop) announceNow(ctx context.Context, a *announcement) {
	err := l.publishEvent(ctx, a.event)
	l.cfg.Observer.Told(err == nil)
	if err != nil {
		l.log.Warn("event not published, will be retried", zap.Error(err), stackOf(err))
		for _, m := range a.messages {
			l.nak(m, letterDelay)
		}
		return
	}
	a.turn()
	begun := time.Now()
	for i, m := range a.messages {
		l.ack(ctx, m)
		l.progress.done(a.places[i])
	}
	l.cfg.Observer.Answered(l.kind != jobs.KindSave, time.Since(begun))
}

// publishEvent publishes an event, also while the loop ends.
func (l *loop) publishEvent(ctx context.Context, e *jobs.Event) error {
	return caught.Call(func() error { return l.tell(context.WithoutCancel(ctx), e) })
}
