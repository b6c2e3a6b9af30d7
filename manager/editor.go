package manager

import (
	"errors"
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// editor applies changes to resources of one model inside a unit of work. Changes
// of one resource chain: each sees what the one before it did.
type editor struct {
	model storage.ModelInfo
	form  *form
	steps []step // between schema versions
	view  storage.View
	cells map[resource.ID]*cell
	order []resource.ID // of the cells, as first met
	// holders are the changed resources that hold a unique value.
	holders map[uniqueValue][]*cell
	// before are the resources as they were before the recorded changes; nil while
	// nothing is recorded.
	before map[resource.ID]*cell
}

// newEditor returns an editor for so many changes, or more.
func (m *Manager) newEditor(model storage.ModelInfo, v storage.View, changes int) (*editor, error) {
	f, err := m.formOf(model)
	if err != nil {
		return nil, err
	}
	e := &editor{model: model, form: f, view: v, cells: make(map[resource.ID]*cell, changes), order: make([]resource.ID, 0, changes)}
	if model.SchemaVersion.IsSet() {
		e.steps = m.steps(f)
	}
	return e, nil
}

// contentOf looks at a stored payload.
func (e *editor) contentOf(p []byte) content { return e.form.contentOf(p, p, e.model.IndexedPaths) }

// apply does one change. A refused change alters nothing; the error is for the
// store.
func (e *editor) apply(c *change) (Outcome, error) {
	if c.refused != nil {
		return refusal(c, c.refused.Code, c.refused.Message), nil
	}
	if out, moved, err := e.moved(c); moved || err != nil {
		return out, err
	}
	if c.rank.stands && e.superseded(e.cell(c.op.ResourceID), c.rank) {
		return superseding(c), nil
	}
	effect, err := e.do(c)
	if bad, ok := errors.AsType[*RefusedError](err); ok {
		return refusal(c, bad.Code, bad.Message), nil
	}
	if err != nil {
		return Outcome{}, err
	}
	cl := e.cells[c.op.ResourceID]
	e.raise(cl, c.rank)
	return Outcome{Effect: effect, ResourceID: c.op.ResourceID, RevisionID: cl.meta.CurrentRevisionID}, nil
}

func (e *editor) do(c *change) (Effect, error) {
	cl := e.cell(c.op.ResourceID)
	if c.op.Op == OpCreate || c.op.Op == OpUpsert && !cl.exists && c.op.ExpectedRevisionID == "" {
		return e.create(cl, c)
	}
	if err := e.checkCurrent(cl, c); err != nil {
		return "", err
	}
	switch c.op.Op {
	case OpDelete:
		return e.remove(cl, c)
	case OpRestore:
		return e.restore(cl, c)
	case OpMigrate:
		return e.migrate(cl, c)
	case OpPurge:
		return e.purge(cl), nil
	}
	if cl.meta.IsDeleted {
		return "", e.refuse(cl, CodeDeleted, "resource %s is deleted", cl.ref.ID)
	}
	switch c.op.Op {
	case OpModify:
		return e.modify(cl, c)
	case OpPatch:
		return e.applyPatch(cl, c)
	case OpSwitch:
		return e.switchTo(cl, c)
	default:
		return e.update(cl, c, c.content)
	}
}

// checkCurrent refuses a change of a resource that is not there or not at the
// revision that the change expects.
func (e *editor) checkCurrent(cl *cell, c *change) error {
	want := c.op.ExpectedRevisionID
	switch {
	case !cl.exists:
		return e.refuse(cl, CodeNotFound, "there is no resource %s", cl.ref.ID)
	case want != "" && want != cl.meta.CurrentRevisionID:
		return e.refuse(cl, CodeConflict, "current revision of %s is %s, not %s", cl.ref.ID, cl.meta.CurrentRevisionID, want)
	}
	return nil
}

func (e *editor) create(cl *cell, c *change) (Effect, error) {
	if cl.exists {
		return "", e.refuse(cl, CodeExists, "resource %s exists already", cl.ref.ID)
	}
	if err := cl.ref.ID.CheckNew(); err != nil {
		return "", e.refuse(cl, CodeInvalid, "%v", err)
	}
	meta := resource.Meta{ResourceID: cl.ref.ID, CreatedTime: c.op.Time, CreatedBy: c.op.User}
	return EffectCreated, e.write(cl, c, c.content, meta, opt.Value[resource.RevisionID]{})
}

// update writes a new revision, or nothing when the payload is the current one: at
// another schema version equal bytes say something else, and would be migrated.
func (e *editor) update(cl *cell, c *change, new content) (Effect, error) {
	hash, err := e.currentHash(cl)
	if err != nil {
		return "", err
	}
	if hash == new.hash && cl.meta.SchemaVersion == e.schemaVersion(cl.meta) {
		return EffectUnchanged, nil
	}
	return EffectUpdated, e.write(cl, c, new, cl.meta, opt.Of(cl.meta.CurrentRevisionID))
}

func (e *editor) remove(cl *cell, c *change) (Effect, error) {
	if cl.meta.IsDeleted {
		return "", e.refuse(cl, CodeDeleted, "resource %s is deleted already", cl.ref.ID)
	}
	return EffectDeleted, e.mark(cl, c, true)
}

func (e *editor) restore(cl *cell, c *change) (Effect, error) {
	if !cl.meta.IsDeleted {
		return EffectUnchanged, nil
	}
	return EffectRestored, e.mark(cl, c, false)
}

// mark deletes or restores. The rev_* fields stay as they are, also unset ones:
// the current revision is the same.
func (e *editor) mark(cl *cell, c *change, deleted bool) error {
	meta := cl.meta
	meta.IsDeleted = deleted
	meta.UpdatedTime, meta.UpdatedBy = c.op.Time, c.op.User
	return e.put(cl, meta)
}

// purge removes the resource with everything that was written of it.
func (e *editor) purge(cl *cell) Effect {
	e.release(cl)
	*cl = cell{ref: cl.ref, purged: true, dirty: true, next: 1, marks: cl.marks}
	return EffectPurged
}

// put makes meta the resource's meta, unless that breaks a rule of the model.
func (e *editor) put(cl *cell, meta resource.Meta) error {
	if err := e.claim(cl, meta); err != nil {
		return err
	}
	cl.put(meta)
	return nil
}

// into adds what was changed to w, by ascending id: stores write in that order.
func (e *editor) into(w storage.Writes) storage.Writes {
	slices.Sort(e.order)
	mw := storage.ModelWrites{
		Metas:     make([]resource.Meta, 0, len(e.order)),
		Revisions: make([]resource.Revision, 0, len(e.order)),
	}
	changed := false
	for _, id := range e.order {
		cl := e.cells[id]
		w.Marks = append(w.Marks, cl.marks...)
		if !cl.dirty {
			continue
		}
		changed = true
		if cl.purged {
			mw.Purge = append(mw.Purge, id)
		}
		if cl.exists {
			mw.Metas = append(mw.Metas, cl.meta)
		}
		mw.Revisions = append(mw.Revisions, cl.revisions...)
		mw.Blobs = append(mw.Blobs, cl.blobs...)
	}
	if !changed {
		return w
	}
	mw.Blobs = sortedUnion(mw.Blobs, nil)
	if w.Models == nil {
		w.Models = make(map[string]storage.ModelWrites)
	}
	w.Models[e.model.Name] = mw
	return w
}

func refusal(c *change, code Code, message string) Outcome {
	return Outcome{Effect: EffectRefused, ResourceID: c.op.ResourceID, Code: code, Message: message}
}
