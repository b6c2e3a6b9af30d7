package permission

import (
	"context"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// Handler makes a checker guard a catalog, see [manager.Options.Handlers]. What
// the checker does not allow is refused with the code forbidden; where it fails,
// nothing is done and the error says why.
func Handler(c Checker) manager.EventHandler { return handler{c} }

type handler struct{ checker Checker }

// NeedsMeta implements [manager.MetaHandler].
func (h handler) NeedsMeta() bool { return needsMeta(h.checker) }

// Handle implements [manager.EventHandler].
func (h handler) Handle(ctx context.Context, e *Context) error {
	if e.Phase != manager.PhaseBefore {
		observe(h.checker, e)
		return nil
	}
	r, err := h.checker.Check(ctx, e)
	if err != nil {
		return failure(e, err)
	}
	if r != Allow {
		return denied(e)
	}
	return nil
}

// denied is the refusal of e, in the words of the original.
func denied(e *Context) error {
	return &manager.RefusedError{
		Code: manager.CodeForbidden, Model: e.Model, ResourceID: e.ResourceID,
		Message: fmt.Sprintf("Permission denied for user '%s' to perform '%s' on '%s'", e.User, e.Action, e.Model),
	}
}

// failure is the error of a check that failed. What a checker looks at may be
// refused to it; that denies.
func failure(e *Context, err error) error {
	if r, ok := errors.AsType[*manager.RefusedError](err); ok {
		if r.Code == manager.CodeForbidden || r.Code == manager.CodeInvalid {
			return err
		}
		return &manager.RefusedError{
			Code: manager.CodeForbidden, Model: e.Model, ResourceID: e.ResourceID,
			Message: fmt.Sprintf("%s: %v", denied(e), err),
		}
	}
	return fmt.Errorf("check the permission of user %q to %s on %s: %w", e.User, e.Action, e.Model, err)
}

// Rows implements [manager.RowHandler].
func (h handler) Rows(ctx context.Context, e *Context) (manager.Rows, error) {
	row := rowOf(e)
	f, err := filterOf(ctx, h.checker, &row)
	if err != nil {
		return manager.Rows{}, failure(&row, err)
	}
	switch f.kind {
	case eachRow:
		return manager.Rows{Where: f.where, Check: h.eachRow(row)}, nil
	case decided:
		return manager.Rows{Where: f.where}, nil
	}
	return manager.Rows{Where: qb.Or{}}, nil
}

// eachRow decides about rows one by one.
func (h handler) eachRow(row Context) func(context.Context, *resource.Meta) (bool, error) {
	return func(ctx context.Context, meta *resource.Meta) (bool, error) {
		c := row
		c.ResourceID, c.Meta = meta.ResourceID, meta
		r, err := h.checker.Check(ctx, &c)
		if err != nil {
			return false, failure(&c, err)
		}
		return r == Allow, nil
	}
}

// rowOf is the question about the rows of a listing: to see one in a search
// takes the right to its meta, to have one in a dump the right to dump it.
func rowOf(e *Context) Context {
	row := *e
	row.Phase, row.Query = manager.PhaseBefore, nil
	if row.Action == manager.ActionSearchResources {
		row.Action = manager.ActionGetMeta
	}
	return row
}
