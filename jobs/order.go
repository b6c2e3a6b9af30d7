package jobs

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// orderPatience is how long after its time a save that is to be tried again is
// waited for. It may never come: another worker has it, or its message is gone.
const orderPatience = time.Minute

// order keeps the saves of a resource in their order when one of them has to be
// tried again: those that come after it wait. It knows what this process has seen;
// the ledger tells when another one was quicker.
type order struct {
	mu     sync.Mutex
	queues map[place][]waiter
	swept  time.Time
}

// place is a resource as one lane sees it; lanes do not wait for each other.
type place struct {
	subject, model string
	id             resource.ID
}

// waiter is a save that is to be tried again.
type waiter struct {
	job       uuid.UUID
	at        time.Time // when it comes again
	published time.Time // when the queue first took it
	first     storage.Origin
}

// follows reports whether the save came into the queue after t, by what is the same for
// every worker and every message of a job. Nothing waits for what follows it: two workers
// that each had one of two saves to try again would have them wait for each other. The
// messages of an atomic batch have one time, but each a place.
func (w waiter) follows(t *task) bool {
	a, b := w.first, t.row.First()
	if a.Known() && a.Queue == b.Queue && a.Epoch == b.Epoch && b.Known() && a.Sequence != b.Sequence {
		return a.Sequence > b.Sequence
	}
	if !w.published.Equal(t.delivery.Published) {
		return w.published.After(t.delivery.Published)
	}
	return bytes.Compare(w.job[:], t.row.ID[:]) > 0
}

func (w waiter) lost(now time.Time) bool { return now.After(w.at.Add(orderPatience)) }

// places gives the resources that a save names.
func (t *task) places() iter.Seq[place] {
	return func(yield func(place) bool) {
		s, _ := t.env.Args.(Save)
		for i := range s.Operations {
			id := s.Operations[i].ResourceID
			if id != "" && !yield(place{t.delivery.Subject, t.env.Model, id}) {
				return
			}
		}
	}
}

func (o *order) empty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queues) == 0
}

// before returns a save that t has to wait for; those in with run before t in its unit.
func (o *order) before(t *task, with map[uuid.UUID]bool) (waiter, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	for p := range t.places() {
		for _, w := range o.queues[p] {
			if w.job == t.row.ID {
				break
			}
			if !with[w.job] && !w.lost(now) && !w.follows(t) {
				return w, true
			}
		}
	}
	return waiter{}, false
}

// wait notes that t comes again at the given time.
func (o *order) wait(t *task, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sweep()
	for p := range t.places() {
		q := o.queues[p]
		i := slices.IndexFunc(q, func(w waiter) bool { return w.job == t.row.ID })
		if i < 0 {
			i, q = len(q), append(q, waiter{job: t.row.ID, published: t.delivery.Published, first: t.row.First()})
		}
		q[i].at = at
		if o.queues == nil {
			o.queues = make(map[place][]waiter)
		}
		o.queues[p] = q
	}
}

// sweep now and then forgets the saves that never came again. The caller holds mu.
func (o *order) sweep() {
	now := time.Now()
	if now.Before(o.swept.Add(orderPatience)) {
		return
	}
	o.swept = now
	maps.DeleteFunc(o.queues, func(_ place, q []waiter) bool {
		return !slices.ContainsFunc(q, func(w waiter) bool { return !w.lost(now) })
	})
}

// forget lets pass those that wait for the job at the places.
func (o *order) forget(job uuid.UUID, places iter.Seq[place]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for p := range places {
		q := slices.DeleteFunc(o.queues[p], func(w waiter) bool { return w.job == job })
		if o.queues[p] = q; len(q) == 0 {
			delete(o.queues, p)
		}
	}
}

// ready returns the tasks that may run together now. The others follow a save of
// the same resource that is to be tried again; they are handed back, uncounted.
func (x *Executor) ready(ctx context.Context, tasks []*task) []*task {
	if x.order.empty() {
		return tasks
	}
	with := make(map[uuid.UUID]bool, len(tasks)) // that come before t, and run
	ready := make([]*task, 0, len(tasks))
	for _, t := range tasks {
		w, found := x.order.before(t, with)
		for found && x.over(ctx, w) {
			x.order.forget(w.job, t.places())
			w, found = x.order.before(t, with)
		}
		if !found {
			ready, with[t.row.ID] = append(ready, t), true
			continue
		}
		x.refund(ctx, []*task{t})
		x.comesAgain(t, max(time.Until(w.at), 0)+x.RetryMin, CodeOrder, errOrder)
	}
	return ready
}

// over reports whether another worker has ended a job that is waited for here.
func (x *Executor) over(ctx context.Context, w waiter) bool {
	row, err := x.Ledger.Get(ctx, w.job)
	return err == nil && row.State.Final()
}

// comesAgain asks for another delivery of a save; later ones of its resources
// wait for it.
func (x *Executor) comesAgain(t *task, after time.Duration, code string, err error) {
	t.again(ActionRetry, after, code, err)
	x.order.wait(t, time.Now().Add(after))
}

// letPass lets those go on that waited for tasks which have ended.
func (x *Executor) letPass(tasks []*task) {
	if x.order.empty() {
		return
	}
	for _, t := range tasks {
		if a := t.verdict.Action; (a == ActionAck || a == ActionBury) && !t.verdict.Waits() {
			x.order.forget(t.row.ID, t.places())
		}
	}
}
