package manager

import (
	"context"
	"time"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// Phase is when an [Event] is told.
type Phase string

// The phases. Each before-event is followed by one of success or failure, except
// where a save job turns out to have been done before: then nothing follows.
const (
	PhaseBefore  Phase = "before"  // nothing was done; a handler may refuse
	PhaseSuccess Phase = "success" // done
	PhaseFailure Phase = "failure" // refused, by a handler or by the rules, or failed
)

// Event tells of one thing that somebody does: one operation of a save, one read,
// one model of a load or dump. What the manager does inside of it makes no
// further events: a patch reads and updates, and is one event.
type Event struct {
	Phase  Phase
	Action Action
	Model  string
	// ResourceID is the resource concerned; empty when it is about the model.
	ResourceID resource.ID
	// RevisionID is the revision that a read or a switch names; mostly empty.
	RevisionID resource.RevisionID
	// User is on whose behalf it happens, empty when nobody said. Time is when a
	// save says it happens, and the catalog's clock otherwise.
	User string
	Time time.Time
	// Data is the payload that is to be written, encoded as it will be stored, or
	// the patch; nil when there is none. It must not be changed.
	Data []byte
	// Meta is the resource before the operation, when it exists and a handler is a
	// [MetaHandler]. A resource that an earlier operation of the batch creates has a
	// meta with its id, creator and times. That the resource exists, and who
	// created it, still holds when the operation takes effect.
	Meta *resource.Meta
	// Query is the query of a search or count, or the one that selects a dump's resources.
	Query *qb.Query
	// Outcome is what an operation of a save did; nil for everything else, and before.
	Outcome *Outcome
	// Err is why it failed: a *[RefusedError] for a refusal.
	Err error
	// Call numbers the call that the event belongs to: the operations of one batch
	// have the same one. No other call in the process does.
	Call uint64
	// Asked: somebody only asks whether it would be refused, see [Catalog.Ask].
	// Nothing happens and no other phase follows.
	Asked bool
}

// EventHandler is told of what is done. It is called by several goroutines at
// once, never inside a unit of work.
type EventHandler interface {
	// Handle is called with each event. In [PhaseBefore] an error keeps the thing
	// from being done: a *[RefusedError] refuses it, any other error makes it fail,
	// as when the store is down, so that a queued job is tried again. In the other
	// phases the error has no effect: the thing has ended.
	Handle(ctx context.Context, e *Event) error
}

// MetaHandler is implemented by handlers that look at [Event.Meta]. The metas of a
// batch are read together, and only when some handler asks for them.
type MetaHandler interface {
	// NeedsMeta reports whether the handler looks at metas.
	NeedsMeta() bool
}

// HandlerFunc is a function as an [EventHandler].
type HandlerFunc func(ctx context.Context, e *Event) error

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, e *Event) error { return f(ctx, e) }
