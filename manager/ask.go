package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// errMoved says that a resource came into being, went away or changed hands
// between the moment its rights were checked and the unit of work.
var errMoved = errors.New("the resource was replaced by another one while rights were checked")

// maxAsks is how often the handlers are asked anew about operations whose
// resources were replaced meanwhile.
const maxAsks = 3

// identity is what of a resource must not change between the question whether
// an operation is allowed and its effect.
type identity struct {
	exists    bool
	createdBy string
}

func identityOf(meta *resource.Meta) identity {
	if meta == nil {
		return identity{}
	}
	return identity{exists: true, createdBy: meta.CreatedBy}
}

// asked is what the handlers were told of a change.
type asked struct {
	event *Event // nil when its end was told
	// known: the resource was looked up. stored is how it is in the store, seen how
	// it is behind the operations before this one.
	known        bool
	stored, seen identity
}

// asker asks the handlers about operations on one model, in their order.
type asker struct {
	catalog *Catalog
	model   string
	metas   storage.MetaReader // nil: the model does not exist yet
	call    uint64
	dry     bool

	known  map[resource.ID]*resource.Meta // those looked up, nil for none, as of now
	stored map[resource.ID]identity
}

// asking does changes that the handlers agree with, and asks them anew when the
// resources were replaced meanwhile.
func (m *Manager) asking(ctx context.Context, changes iter.Seq[*change], do func() error) error {
	for asks := 1; ; asks++ {
		if err := m.ask(ctx, changes); err != nil {
			return err
		}
		if err := do(); asks == maxAsks || !errors.Is(err, errMoved) {
			return err
		}
	}
}

// ask tells the handlers of changes before they are done. A refused one gets its
// refusal; the error is a failure and all events have ended then.
func (m *Manager) ask(ctx context.Context, changes iter.Seq[*change]) error {
	c := m.catalog
	if !c.guarded() {
		return nil
	}
	a := &asker{catalog: c, model: m.name, metas: m.stores.Metas, call: c.calls.Add(1)}
	return a.all(ctx, changes)
}

func (a *asker) all(ctx context.Context, changes iter.Seq[*change]) error {
	if err := a.lookUp(ctx, changes); err != nil {
		return err
	}
	for ch := range changes {
		if ch.refused != nil {
			continue
		}
		if err := a.one(ctx, ch); err != nil {
			a.catalog.answer(ctx, changes, nil, err)
			return err
		}
	}
	return nil
}

// lookUp reads the metas that the handlers want to see, and those that tell
// whether an upsert creates.
func (a *asker) lookUp(ctx context.Context, changes iter.Seq[*change]) error {
	all := a.catalog.needsMeta()
	a.known = make(map[resource.ID]*resource.Meta)
	var ids []resource.ID
	for ch := range changes {
		id := ch.op.ResourceID
		if _, listed := a.known[id]; !listed && id != "" && ch.refused == nil && (all || ch.op.Op == OpUpsert) {
			a.known[id] = nil
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 && a.metas != nil {
		metas, err := a.metas.GetMany(ctx, ids)
		if err != nil {
			return fmt.Errorf("get %d metas of model %s: %w", len(ids), a.model, err)
		}
		for i := range metas {
			a.known[metas[i].ResourceID] = &metas[i]
		}
	}
	a.stored = make(map[resource.ID]identity, len(ids))
	for id, meta := range a.known {
		a.stored[id] = identityOf(meta)
	}
	return nil
}

// one asks about one change.
func (a *asker) one(ctx context.Context, ch *change) error {
	op := &ch.op
	meta, known := a.known[op.ResourceID]
	e := &Event{
		Action: op.Op.action(meta != nil), Model: a.model, ResourceID: op.ResourceID,
		User: op.User, Time: op.Time, Data: ch.told(), RevisionID: op.RevisionID, Call: a.call, Asked: a.dry,
	}
	if a.catalog.needsMeta() {
		e.Meta = meta
	}
	err := a.ask(ctx, e, op.Op)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		ch.refused = refused
		return nil
	}
	if err != nil {
		return err
	}
	ch.asked = &asked{event: e, known: known, stored: a.stored[op.ResourceID], seen: identityOf(meta)}
	if known {
		a.known[op.ResourceID] = foreseen(op, meta)
	}
	return nil
}

// ask asks about an event. Before the time it is not known what an operation will
// meet: then an upsert is refused only when it is as create and as update, and
// what depends on the creator of a resource that is not there yet is not asked.
func (a *asker) ask(ctx context.Context, e *Event, op Op) error {
	if !a.dry {
		return a.catalog.before(ctx, e)
	}
	if e.Meta == nil && a.catalog.needsMeta() && !op.creates() {
		return nil
	}
	err := a.catalog.before(ctx, e)
	if err == nil || op != OpUpsert {
		return err
	}
	other := *e
	other.Action ^= ActionCreate | ActionUpdate
	if a.catalog.before(ctx, &other) == nil {
		return nil
	}
	return err
}

// foreseen is the meta of a resource behind an operation, as far as later
// operations of the batch are judged by it.
func foreseen(op *Operation, meta *resource.Meta) *resource.Meta {
	if meta == nil && op.Op.creates() {
		return &resource.Meta{
			ResourceID: op.ResourceID, CreatedBy: op.User, UpdatedBy: op.User, CreatedTime: op.Time, UpdatedTime: op.Time,
		}
	}
	if op.Op == OpPurge {
		return nil
	}
	return meta
}

// creates reports whether the operation makes a resource that does not exist.
func (o Op) creates() bool { return o == OpCreate || o == OpUpsert }

// answer tells the handlers how the changes that they were asked about ended:
// with the outcomes, in the order of changes, or all by err.
func (c *Catalog) answer(ctx context.Context, changes iter.Seq[*change], outcomes []Outcome, err error) {
	if !c.guarded() {
		return
	}
	i := -1
	for ch := range changes {
		i++
		if ch.asked == nil || ch.asked.event == nil {
			continue
		}
		e := ch.asked.event
		ch.asked.event = nil
		if err != nil {
			c.after(ctx, e, err)
			continue
		}
		e.Outcome = &outcomes[i]
		c.after(ctx, e, outcomeError(e.Model, outcomes[i]))
	}
}

// moved reports whether a resource is no longer the one that the handlers were
// asked about: errMoved when the store has another one by now, so that they must
// be asked again; an outcome when an earlier operation of the batch did not do
// what was expected of it.
func (e *editor) moved(c *change) (Outcome, bool, error) {
	if c.asked == nil || !c.asked.known {
		return Outcome{}, false, nil
	}
	_, met := e.cells[c.op.ResourceID]
	cl := e.cell(c.op.ResourceID)
	var now identity
	if cl.exists {
		now = identityOf(&cl.meta)
	}
	switch {
	case !met && now != c.asked.stored:
		return Outcome{}, false, errMoved
	case now == c.asked.seen, !cl.exists && c.op.Op != OpUpsert:
		return Outcome{}, false, nil
	}
	return refusal(c, CodeConflict, fmt.Sprintf("resource %s is not what the operations before this one should have made of it", cl.ref.ID)), true, nil
}

// AskSave asks the handlers about operations on a model, as [Catalog.Ask] does:
// the refusals are in the order of the operations, nil where there is none, or
// where only the resource that an operation will meet tells. Their data are as
// given and need not fit the model, which need not exist.
func (c *Catalog) AskSave(ctx context.Context, model string, ops []Operation) ([]*RefusedError, error) {
	refused := make([]*RefusedError, len(ops))
	if !c.guarded() {
		return refused, nil
	}
	a := &asker{catalog: c, model: model, call: c.calls.Add(1), dry: true}
	m, err := c.Open(ctx, model)
	switch {
	case err == nil:
		a.metas = m.stores.Metas
	case !errors.Is(err, storage.ErrNotFound):
		return nil, err
	}
	changes := make([]change, len(ops))
	now := c.opts.Now()
	for i, op := range ops {
		changes[i] = change{op: c.scoped(op), content: content{payload: op.Data}}
		if op.Payload != nil {
			changes[i].payload = op.Payload
		}
		if op.Time.IsZero() {
			changes[i].op.Time = now
		}
	}
	if err := a.all(ctx, pointers(changes)); err != nil {
		return nil, err
	}
	for i := range changes {
		refused[i] = changes[i].refused
	}
	return refused, nil
}

// pointers yields the places of changes.
func pointers(changes []change) iter.Seq[*change] {
	return func(yield func(*change) bool) {
		for i := range changes {
			if !yield(&changes[i]) {
				return
			}
		}
	}
}
