package permission

import (
	"context"

	"github.com/specstar-worker/worker/manager"
)

// Result is the answer of a [Checker]. The zero Result allows nothing.
type Result string

// The results, spelled as the effects of stored entries.
const (
	Allow         Result = "allow"
	Deny          Result = "deny"
	NotApplicable Result = "not_applicable"
)

// Context is what a checker decides about: an event of phase before.
type Context = manager.Event

// Action is a set of things that may be done.
type Action = manager.Action

// DefaultRootUser is the user who may do everything when no other is named.
const DefaultRootUser = "root"

// Checker decides who may do what. It is safe for concurrent use.
//
// A checker may implement more:
//   - [manager.MetaHandler]: whether it looks at Context.Meta; without it, it is
//     taken to;
//   - [Filterer]: which rows of a listing it allows, so that not each of them has
//     to be asked about;
//   - [Observer]: to learn what was done.
type Checker interface {
	// Check decides about c, which it must not keep or change. Together with an
	// error the result does not matter: nothing is done.
	Check(ctx context.Context, c *Context) (Result, error)
}

// CheckerFunc is a function as a [Checker].
type CheckerFunc func(ctx context.Context, c *Context) (Result, error)

// Check calls f.
func (f CheckerFunc) Check(ctx context.Context, c *Context) (Result, error) { return f(ctx, c) }

// Observer is implemented by checkers that want to know what was done.
type Observer interface {
	// Observe is told the end of everything, in phase success or failure.
	Observe(e *Context)
}

// needsMeta reports whether a checker looks at metas.
func needsMeta(c Checker) bool {
	if m, ok := c.(manager.MetaHandler); ok {
		return m.NeedsMeta()
	}
	return true
}

// observe tells a checker of the end of something, if it wants to know.
func observe(c Checker, e *Context) {
	if o, ok := c.(Observer); ok {
		o.Observe(e)
	}
}
