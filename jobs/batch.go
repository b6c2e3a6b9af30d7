package jobs

import (
	"context"
	"slices"
	"sync"
)

// Batch is deliveries that an [Executor] has opened.
type Batch interface {
	// Run carries them out and returns a verdict for each, in their order. Cancelling
	// ctx gives unfinished jobs back uncounted. It is called at most once.
	Run(ctx context.Context) []Verdict
	// Close has later batches go on with what this one touches. It is called when the
	// verdicts are known to who hands out the messages, or instead of Run.
	Close()
}

// batch is a [Batch].
type batch struct {
	executor *Executor
	tasks    []*task
	touched  touched
	// before are the batches that were opened earlier and were not closed yet.
	before []*batch
	closed chan struct{}
}

// batches are those that are not closed, in the order in which they were opened.
type batches struct {
	mu   sync.Mutex
	open []*batch
}

// add adds b behind all others.
func (s *batches) add(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.before = slices.Clone(s.open)
	s.open = append(s.open, b)
}

// remove lets those go on that wait for b.
func (s *batches) remove(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(o *batch) bool { return o == b })
	close(b.closed)
}

// Open reads deliveries. What touches a resource, or a job, that a batch of the same
// subject touches which was opened earlier and is not closed, is run after that one is;
// all else is run beside it. So a queue that opens batches in the order of its messages
// keeps it for each resource. The batch has to be closed.
func (x *Executor) Open(deliveries []Delivery) Batch {
	b := &batch{executor: x, tasks: x.openAll(deliveries), closed: make(chan struct{})}
	b.touched.expect(len(b.tasks))
	for _, t := range b.tasks {
		b.touched.add(t)
	}
	x.batches.add(b)
	return b
}

// Close implements [Batch].
func (b *batch) Close() { b.executor.batches.remove(b) }

// Run implements [Batch].
func (b *batch) Run(ctx context.Context) []Verdict {
	now, after := b.split()
	b.executor.run(ctx, now)
	if len(after) > 0 {
		b.runAfter(ctx, after)
	}
	verdicts := make([]Verdict, len(b.tasks))
	for i, t := range b.tasks {
		verdicts[i] = t.verdict
	}
	return verdicts
}

// split returns the tasks that can be run now and those that come after earlier batches:
// they touch what one of those does, or what an earlier one of themselves does.
func (b *batch) split() (now, after []*task) {
	if len(b.before) == 0 {
		return b.tasks, nil
	}
	var waiting touched
	for _, t := range b.tasks {
		if waiting.by(t) || slices.ContainsFunc(b.before, func(o *batch) bool { return o.touched.by(t) }) {
			waiting.add(t)
			after = append(after, t)
			continue
		}
		now = append(now, t)
	}
	return now, after
}

// runAfter runs tasks when the earlier batches are closed whose resources they touch.
func (b *batch) runAfter(ctx context.Context, tasks []*task) {
	var paused pausedTasks
	for _, o := range b.before {
		if !slices.ContainsFunc(tasks, o.touched.by) {
			continue
		}
		select {
		case <-o.closed:
			paused.note(o.tasks)
		case <-ctx.Done():
			b.executor.failAll(ctx, tasks, context.Cause(ctx))
			return
		}
	}
	paused.note(b.tasks)
	b.executor.run(ctx, slices.DeleteFunc(tasks, paused.hold))
}

// pausedTasks are those that wait for the store. What touches the same must not overtake
// them, though the store may be back by now.
type pausedTasks struct {
	touched
	why *task // one of them, nil when there is none
}

// note adds those of the tasks that wait for the store.
func (p *pausedTasks) note(tasks []*task) {
	for _, t := range tasks {
		if t.verdict.Action == ActionPause {
			p.touched.add(t)
			p.why = t
		}
	}
}

// hold has t wait for the store when one of the others touches what it does, and reports
// whether it does.
func (p *pausedTasks) hold(t *task) bool {
	if p.why == nil || !p.by(t) {
		return false
	}
	t.again(ActionPause, 0, p.why.verdict.Code, p.why.verdict.Err)
	p.touched.add(t)
	return true
}
