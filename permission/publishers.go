package permission

import (
	"cmp"
	"context"
	"fmt"

	"github.com/specstar-worker/worker/manager"
)

// Publishers guards what comes from a queue, where whoever may publish names the
// user: it denies what the root user does and what concerns permission entries,
// and is not applicable to the rest. It is put before another checker, as in
// Composite{Publishers{}, acl}, unless those who may publish may be root.
type Publishers struct {
	// RootUser is the root user; empty means [DefaultRootUser].
	RootUser string
	// Advice, when not empty, ends the message of a refusal: what can be done.
	Advice string
}

// Check implements [Checker].
func (p Publishers) Check(_ context.Context, c *Context) (Result, error) {
	what := ""
	switch {
	case c.Model == ACLModel || c.Model == RBACModel:
		what = "resources of model " + c.Model
	case c.User == cmp.Or(p.RootUser, DefaultRootUser):
		what = "jobs of user " + c.User
	default:
		return NotApplicable, nil
	}
	message := fmt.Sprintf("Permission denied for user '%s' to perform '%s' on '%s': %s are not taken from the queue", c.User, c.Action, c.Model, what)
	if p.Advice != "" {
		message += "; " + p.Advice
	}
	return Deny, &manager.RefusedError{Code: manager.CodeForbidden, Model: c.Model, ResourceID: c.ResourceID, Message: message}
}

// NeedsMeta implements [manager.MetaHandler].
func (Publishers) NeedsMeta() bool { return false }

// Filter implements [Filterer].
func (p Publishers) Filter(ctx context.Context, c *Context) (Filter, error) {
	if r, _ := p.Check(ctx, c); r == Deny {
		return NoRow(), nil
	}
	return NoOpinion(), nil
}
