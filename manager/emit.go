package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// guarded reports whether anybody listens.
func (c *Catalog) guarded() bool { return len(c.opts.Handlers) > 0 }

// needsMeta reports whether a handler looks at metas.
func (c *Catalog) needsMeta() bool {
	for _, h := range c.opts.Handlers {
		if r, ok := h.(MetaHandler); ok && r.NeedsMeta() {
			return true
		}
	}
	return false
}

// before tells the handlers what is about to be done and returns the first
// objection. Handlers that agreed learn of it as a failure.
func (c *Catalog) before(ctx context.Context, e *Event) error {
	e.Phase = PhaseBefore
	for i, h := range c.opts.Handlers {
		err := h.Handle(ctx, e)
		if err == nil {
			continue
		}
		if _, refused := errors.AsType[*RefusedError](err); !refused {
			err = fmt.Errorf("before %s on %s: %w", e.Action, e.Model, err)
		}
		if !e.Asked {
			c.tell(ctx, c.opts.Handlers[:i+1], *e, err)
		}
		return err
	}
	return nil
}

// after tells the handlers how it ended.
func (c *Catalog) after(ctx context.Context, e *Event, err error) {
	c.tell(ctx, c.opts.Handlers, *e, err)
}

// tell gives the end of e to handlers. What they return has no effect: there is
// nothing left to keep from being done.
func (c *Catalog) tell(ctx context.Context, handlers []EventHandler, e Event, err error) {
	e.Phase, e.Err = PhaseSuccess, err
	if err != nil {
		e.Phase = PhaseFailure
	}
	for _, h := range handlers {
		_ = h.Handle(ctx, &e)
	}
}

// event begins the description of a call by the view's user.
func (c *Catalog) event(a Action, model string, id resource.ID) *Event {
	return &Event{Action: a, Model: model, ResourceID: id, User: c.user, Time: c.opts.Now(), Call: c.calls.Add(1)}
}

// watched does something with its events around it.
func (c *Catalog) watched(ctx context.Context, e *Event, do func() error) error {
	if err := c.before(ctx, e); err != nil {
		return err
	}
	err := do()
	c.after(ctx, e, err)
	return err
}

// watchedModels does something with the events of each model around it, all of
// which are asked about before anything is done.
func (c *Catalog) watchedModels(ctx context.Context, a Action, models []string, q *qb.Query, do func() error) error {
	if !c.guarded() {
		return do()
	}
	var begun []*Event
	end := func(err error) {
		for _, e := range begun {
			c.after(ctx, e, err)
		}
	}
	first := c.event(a, "", "")
	first.Query = q
	for _, model := range models {
		e := *first
		e.Model = model
		if err := c.before(ctx, &e); err != nil {
			end(err)
			return err
		}
		begun = append(begun, &e)
	}
	err := do()
	if err == errStopped {
		end(nil) // whoever takes the records has enough of them
	} else {
		end(err)
	}
	return err
}

// watchedRead does a read of a resource with its events around it.
func (r *Reader) watchedRead(ctx context.Context, a Action, id resource.ID, rev resource.RevisionID, do func() error) error {
	c := r.catalog
	if !c.guarded() {
		return do()
	}
	e := c.event(a, r.name, id)
	e.RevisionID = rev
	if err := r.describe(ctx, e); err != nil {
		return err
	}
	return c.watched(ctx, e, do)
}

// describe adds the resource's meta to an event when a handler looks at it.
func (r *Reader) describe(ctx context.Context, e *Event) error {
	if !r.catalog.needsMeta() {
		return nil
	}
	meta, err := r.metas.Get(ctx, e.ResourceID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get %s of model %s: %w", e.ResourceID, r.name, err)
	}
	e.Meta = &meta
	return nil
}

// watchedRows yields rows with events around them; whoever takes rows and stops
// is content with them.
func watchedRows[T any](ctx context.Context, c *Catalog, event func() (*Event, error), rows func(*Event) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		e, err := event()
		if err == nil {
			err = c.before(ctx, e)
		}
		if err != nil {
			yield(zero, err)
			return
		}
		var failed error
		for row, err := range rows(e) {
			if err != nil {
				failed = err
			}
			if !yield(row, err) {
				break
			}
		}
		c.after(ctx, e, failed)
	}
}

// Ask returns the error with which the handlers would keep something from being
// done, without doing it: nil when they agree. It is for checks at the time of
// submission; [Event.Phase], Time, Call and Asked are filled here.
func (c *Catalog) Ask(ctx context.Context, e Event) error {
	if !c.guarded() {
		return nil
	}
	if e.User == "" {
		e.User = c.user
	}
	if e.Time.IsZero() {
		e.Time = c.opts.Now()
	}
	e.Call, e.Asked = c.calls.Add(1), true
	return c.before(ctx, &e)
}
