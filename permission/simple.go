package permission

import (
	"cmp"
	"context"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
)

// AllowAll allows everything to everybody.
type AllowAll struct{}

// Check implements [Checker].
func (AllowAll) Check(context.Context, *Context) (Result, error) { return Allow, nil }

// NeedsMeta implements [manager.MetaHandler].
func (AllowAll) NeedsMeta() bool { return false }

// Filter implements [Filterer].
func (AllowAll) Filter(context.Context, *Context) (Filter, error) { return AllRows(), nil }

// RootOnly allows everything to one user and nothing to others.
type RootOnly struct {
	// User is that user; empty means [DefaultRootUser].
	User string
}

// Check implements [Checker].
func (o RootOnly) Check(_ context.Context, c *Context) (Result, error) {
	if c.User == cmp.Or(o.User, DefaultRootUser) {
		return Allow, nil
	}
	return Deny, nil
}

// NeedsMeta implements [manager.MetaHandler].
func (RootOnly) NeedsMeta() bool { return false }

// Filter implements [Filterer].
func (o RootOnly) Filter(ctx context.Context, c *Context) (Filter, error) {
	if r, err := o.Check(ctx, c); r != Allow {
		return NoRow(), err
	}
	return AllRows(), nil
}

// Ownership allows some actions on a resource to the user who created it and
// denies them to others. To what concerns no single resource, and to other
// actions, it is not applicable. A deleted resource is its creator's, too; one
// that does not exist is nobody's.
type Ownership struct {
	// Actions are the actions; none means [manager.ActionOwner].
	Actions Action
}

func (o Ownership) about(a Action) bool { return cmp.Or(o.Actions, manager.ActionOwner).Has(a) }

// Check implements [Checker].
func (o Ownership) Check(_ context.Context, c *Context) (Result, error) {
	switch {
	case !o.about(c.Action), c.ResourceID == "":
		return NotApplicable, nil
	case c.Meta != nil && c.User != "" && c.Meta.CreatedBy == c.User:
		return Allow, nil
	}
	return Deny, nil
}

// Filter implements [Filterer].
func (o Ownership) Filter(_ context.Context, c *Context) (Filter, error) {
	switch {
	case !o.about(c.Action):
		return NoOpinion(), nil
	case c.User == "":
		return NoRow(), nil
	}
	return Only(qb.CreatedBy().Eq(c.User)), nil
}
