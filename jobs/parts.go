package jobs

import (
	"cmp"
	"context"
	"sync"

	"github.com/specstar-worker/worker/resource"
)

// A unit of work of saves ends with the save that makes it as large as this: what
// commits together should not keep the other processors of store and worker waiting.
const (
	partOperations = 500
	partBytes      = 1 << 20
)

// partsAtOnce is how many units of work of a lane run at the same time: one is encoded
// while two others are being written.
const partsAtOnce = 3

// slots are the units of work that may run at the same time, by subject: batches of one
// lane share them, and lanes do not wait for each other.
type slots struct {
	mu sync.Mutex
	of map[string]chan struct{}
}

// take waits for a slot of a lane and returns what gives it back.
func (s *slots) take(subject string) (release func()) {
	slot := s.lane(subject)
	slot <- struct{}{}
	return func() { <-slot }
}

func (s *slots) lane(subject string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = make(map[string]chan struct{})
	}
	if s.of[subject] == nil {
		s.of[subject] = make(chan struct{}, partsAtOnce)
	}
	return s.of[subject]
}

// part is some of the saves of a batch, which are one unit of work.
type part struct {
	tasks []*task
	// after are the earlier parts that name a resource of this one.
	after []*part
	done  chan struct{} // closed when it has ended
	left  bool          // it was not run
}

// cut makes parts of tasks in their order.
func cut(tasks []*task) []*part {
	var parts []*part
	last := make(map[resource.ID]*part)
	operations, bytes := partOperations, 0
	for _, t := range tasks {
		s, _ := t.env.Args.(Save)
		if operations >= partOperations || bytes >= partBytes {
			parts = append(parts, &part{done: make(chan struct{})})
			operations, bytes = 0, 0
		}
		p := parts[len(parts)-1]
		p.tasks = append(p.tasks, t)
		operations += len(s.Operations)
		bytes += len(t.delivery.Body)
		for _, o := range s.Operations {
			if o.ResourceID == "" {
				continue
			}
			if before := last[o.ResourceID]; before != nil && before != p {
				p.after = append(p.after, before)
			}
			last[o.ResourceID] = p
		}
	}
	return parts
}

// applyParts applies tasks of one model as units of work of a bounded size, some of
// them at the same time. Saves of one resource keep their order. The error is as that
// of apply.
func (x *Executor) applyParts(ctx context.Context, tasks []*task) error {
	parts := cut(tasks)
	lane := tasks[0].delivery.Subject
	if len(parts) == 1 {
		defer x.slots.take(lane)()
		return x.apply(ctx, tasks)
	}
	var r running
	for _, p := range parts {
		release := x.slots.take(lane)
		r.Go(func() {
			defer release()
			r.run(p, func() error { return x.apply(ctx, p.tasks) })
		})
	}
	r.Wait()
	for _, p := range parts {
		if p.left {
			x.failAll(ctx, p.tasks, r.err)
		}
	}
	return r.err
}

// running are the parts of a batch.
type running struct {
	together

	mu  sync.Mutex
	err error // why no more parts are run
}

// run runs p when the parts before it have ended. Those have a slot already.
func (r *running) run(p *part, apply func() error) {
	defer close(p.done)
	for _, before := range p.after {
		<-before.done
	}
	if p.left = r.stopped(); p.left {
		return
	}
	if err := apply(); err != nil {
		r.stop(err)
	}
}

func (r *running) stopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err != nil
}

func (r *running) stop(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = cmp.Or(r.err, err)
}
