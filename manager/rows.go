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

// Rows says which rows of a listing somebody may see. The zero value shows all.
type Rows struct {
	// Where, when not nil, is what a row must fulfil.
	Where qb.Cond
	// Check, when not nil, decides about each row that fulfils Where.
	Check func(ctx context.Context, meta *resource.Meta) (bool, error)
}

// RowHandler is implemented by handlers that hide rows of searches, counts and
// dumps. A row must be shown by all of them.
type RowHandler interface {
	// Rows is asked about a listing that the handlers have agreed to, as described
	// by e. Its action is that of a search or dump, or [ActionGet] for a listing that
	// shows payloads, too. An error ends the listing.
	Rows(ctx context.Context, e *Event) (Rows, error)
}

// all reports whether nothing is hidden.
func (w Rows) all() bool { return w.Where == nil && w.Check == nil }

// rows returns what the handlers show of a listing.
func (c *Catalog) rows(ctx context.Context, e *Event) (Rows, error) {
	var all Rows
	for _, h := range c.opts.Handlers {
		rh, ok := h.(RowHandler)
		if !ok {
			continue
		}
		w, err := rh.Rows(ctx, e)
		if err != nil {
			return Rows{}, fmt.Errorf("find out which rows of model %s %q may see: %w", e.Model, e.User, err)
		}
		all = all.and(w)
	}
	return all, nil
}

// and shows what both show.
func (w Rows) and(o Rows) Rows {
	return Rows{Where: both(w.Where, o.Where), Check: bothChecks(w.Check, o.Check)}
}

// both is the condition that a and b are, nil being none.
func both(a, b qb.Cond) qb.Cond {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return qb.And{a, b}
}

func bothChecks(a, b func(context.Context, *resource.Meta) (bool, error)) func(context.Context, *resource.Meta) (bool, error) {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(ctx context.Context, meta *resource.Meta) (bool, error) {
		if ok, err := a(ctx, meta); !ok || err != nil {
			return false, err
		}
		return b(ctx, meta)
	}
}

// search returns the visible ones of the metas that q selects. Limit and offset
// count visible ones.
func (w Rows) search(ctx context.Context, metas storage.MetaReader, q qb.Query) iter.Seq2[resource.Meta, error] {
	q.Where = both(q.Where, w.Where)
	if w.Check == nil {
		return metas.Search(ctx, q)
	}
	return qb.Window(w.checked(ctx, metas.Search(ctx, qb.Query{Where: q.Where, Sort: q.Sort, After: q.After})), q)
}

// checked leaves out the metas that Check hides. An error ends them.
func (w Rows) checked(ctx context.Context, metas iter.Seq2[resource.Meta, error]) iter.Seq2[resource.Meta, error] {
	if w.Check == nil {
		return metas
	}
	return func(yield func(resource.Meta, error) bool) {
		for meta, err := range metas {
			ok := false
			if err == nil {
				ok, err = w.Check(ctx, &meta)
			}
			if err != nil {
				yield(resource.Meta{}, err)
				return
			}
			if ok && !yield(meta, nil) {
				return
			}
		}
	}
}

// count counts the visible ones of the metas that q's condition selects.
func (w Rows) count(ctx context.Context, metas storage.MetaReader, q qb.Query) (n int64, err error) {
	if w.Check == nil {
		q.Where = both(q.Where, w.Where)
		return metas.Count(ctx, q)
	}
	for _, err := range w.search(ctx, metas, qb.Query{Where: q.Where}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// countBy counts the visible ones of the metas that q's condition selects by their values.
func (w Rows) countBy(ctx context.Context, metas storage.MetaReader, q qb.Query, by qb.Grouping, limit int) (qb.Counts, error) {
	if w.Check == nil {
		q.Where = both(q.Where, w.Where)
		return metas.CountBy(ctx, q, by, limit)
	}
	return qb.CountBy(w.search(ctx, metas, qb.Query{Where: q.Where}), qb.Query{}, by, limit)
}

// whole refuses what tells of all rows of the models when some are hidden.
func (c *Catalog) whole(ctx context.Context, a Action, models []string) error {
	if !c.guarded() {
		return nil
	}
	var hidden []error
	for _, model := range models {
		w, err := c.rows(ctx, c.event(a, model, ""))
		if err != nil {
			return err
		}
		if !w.all() {
			hidden = append(hidden, &RefusedError{
				Code: CodeForbidden, Model: model,
				Message: fmt.Sprintf("user %q may see only some resources of model %s, and this tells of all of them", c.user, model),
			})
		}
	}
	return errors.Join(hidden...)
}
