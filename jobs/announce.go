package jobs

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// announce has the verdict of a task whose job has ended tell of it, and rules act. What
// fails here is made good by the next delivery: the row says all there is to tell, and
// events and jobs have the same ids then. So it does for a worker that died right after
// the end of a job, and for a user who ended it.
func (x *Executor) announce(ctx context.Context, t *task) {
	ctx = context.WithoutCancel(ctx)
	switch {
	case t.stage != nil && t.verdict.State == storage.JobRunning && t.verdict.Action == ActionAck:
		x.conclude(ctx, t, t.stage)
		return
	case !t.over() || t.verdict.Kind == KindChunk: // which ends its job
		return
	}
	row := t.endRow()
	if row.ID == uuid.Nil {
		var err error
		row, err = x.Ledger.Get(ctx, t.verdict.ID)
		if errors.Is(err, storage.ErrNotFound) { // somebody dropped it
			return
		}
		if err != nil {
			x.announceLater(t, err)
			return
		}
	}
	x.conclude(ctx, t, EventOf(x.Store, row))
}

// conclude has rules act on an event of one job, and the verdict tell of it.
func (x *Executor) conclude(ctx context.Context, t *task, e *Event) {
	if _, err := x.engine.fire(ctx, e, &t.env); err != nil {
		x.announceLater(t, err)
		return
	}
	t.verdict.Event = e
}

// Fire has rules act on an event that no delivery tells of and returns how many jobs they
// have submitted. After an error the event is to be told again.
func (x *Executor) Fire(ctx context.Context, e *Event) (int, error) { return x.engine.fire(ctx, e) }

// over reports whether the job of a task has ended and its message is done with.
func (t *task) over() bool {
	return t.verdict.State.Final() && (t.verdict.Action == ActionAck || t.verdict.Action == ActionBury)
}

// announceLater has a message come again whose job has ended and could not be told of.
func (x *Executor) announceLater(t *task, err error) {
	state := t.verdict.State
	t.again(ActionRetry, x.delay(1), failureCode(err), err)
	t.verdict.State, t.verdict.Letter = state, nil
}

// announceSaves is announce for saves: those that were committed together now, or in
// another delivery, are told of by one event.
func (x *Executor) announceSaves(ctx context.Context, tasks []*task) {
	ctx = context.WithoutCancel(ctx)
	batches := make(map[uuid.UUID]*told)
	var order []*told
	for _, t := range tasks {
		if !t.over() {
			continue
		}
		if t.verdict.State == storage.JobDead {
			x.announce(ctx, t)
			continue
		}
		first, ok := t.batchID()
		if !ok {
			continue
		}
		b := batches[first]
		if b == nil {
			b = &told{first: first}
			batches[first], order = b, append(order, b)
		}
		b.tasks = append(b.tasks, t)
	}
	for _, b := range order {
		x.tell(ctx, b)
	}
}

// told are the tasks of a batch of saves.
type told struct {
	first uuid.UUID
	tasks []*task
}

// batchID returns the first job of the batch in which the save ended.
func (t *task) batchID() (uuid.UUID, bool) {
	if t.batch != nil {
		return t.batch.First, true
	}
	b, _, ok := manager.BatchOf(t.endRow())
	return b.First, ok
}

// tell has the verdicts of a batch tell of it.
func (x *Executor) tell(ctx context.Context, b *told) {
	batch, first, err := x.batchOf(ctx, b)
	if batch == nil && err == nil {
		return
	}
	var e *Event
	if err == nil {
		e = savedEvent(x.Store, b.tasks[0].env.Model, batch)
		e.Job = textOf(first)
		if x.engine.listens(e.Type) {
			from := make([]*Envelope, len(b.tasks))
			for i, t := range b.tasks {
				from[i] = &t.env
			}
			_, err = x.engine.fire(ctx, e, from...)
		}
	}
	for _, t := range b.tasks {
		if err != nil {
			x.announceLater(t, err)
		} else {
			t.verdict.Event = e
		}
	}
}

// batchOf returns a batch and its first job: as it was committed just now, or as the row of
// that job has it. It is nil when the row is gone: somebody dropped it.
func (x *Executor) batchOf(ctx context.Context, b *told) (*manager.SaveBatch, storage.Job, error) {
	for _, t := range b.tasks {
		switch {
		case t.row.ID != b.first:
		case t.batch != nil:
			return t.batch, t.row, nil
		default:
			return heldBy(t.endRow()), t.endRow(), nil
		}
	}
	row, err := x.Ledger.Get(ctx, b.first)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, row, nil
	}
	if err != nil {
		return nil, row, err
	}
	return heldBy(row), row, nil
}

// heldBy returns the batch that a row holds, nil when it holds none.
func heldBy(row storage.Job) *manager.SaveBatch {
	b, whole, ok := manager.BatchOf(row)
	if !ok || !whole {
		return nil
	}
	return &b
}
