package manager

import "time"

// Scope is on whose behalf something is done, and when.
type Scope struct {
	// User is the user of reads, and of operations that name none.
	User string
	// Now is the clock for operations without a time; nil keeps the catalog's.
	Now func() time.Time
}

// Using returns a view of the catalog in which everything happens on behalf of
// s.User (the original's using()). Views share their models with the catalog
// they are made of and cost nothing to make.
func (c *Catalog) Using(s Scope) *Catalog {
	view := *c
	view.user = s.User
	if s.Now != nil {
		view.opts.Now = s.Now
	}
	return &view
}

// Using returns a view of the manager, see [Catalog.Using].
func (m *Manager) Using(s Scope) *Manager { return m.in(m.catalog.Using(s)) }

// User is on whose behalf the catalog does things; empty without [Catalog.Using].
func (c *Catalog) User() string { return c.user }

// Unguarded returns a view on which no handler is called: for what a program
// does by itself, not for a user, such as counting rows for its metrics.
func (c *Catalog) Unguarded() *Catalog { return c.WithHandlers() }

// WithHandlers returns a view with other handlers than the catalog has.
func (c *Catalog) WithHandlers(handlers ...EventHandler) *Catalog {
	view := *c
	view.opts.Handlers = handlers
	return &view
}

// in returns the manager as part of the given view of its catalog.
func (m *Manager) in(c *Catalog) *Manager {
	if m.catalog == c {
		return m
	}
	view := *m
	view.catalog = c
	return &view
}

// scoped completes an operation by what the view says.
func (c *Catalog) scoped(op Operation) Operation {
	if op.User == "" {
		op.User = c.user
	}
	return op
}
