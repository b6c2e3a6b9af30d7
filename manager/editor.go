package manager

import (
	"errors"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// editor applies changes to resources of one model inside a unit of work. Changes
// of one resource chain: each sees what the one before it did.
type editor struct {
	model storage.ModelInfo
	view  storage.View
	cells map[resource.ID]*cell
	order []resource.ID // of the cells, as first met
}

// cell is one resource under edit.
type cell struct {
	ref    storage.Ref
	meta   resource.Meta
	exists bool
	next   int // number of the next revision
	// hash is the hash of the current payload; unset until it was needed, and
	// empty when the current revision is nowhere.
	hash opt.Value[string]

	dirty     bool
	revisions []resource.Revision
	blobs     []string
}

func newEditor(model storage.ModelInfo, v storage.View) *editor {
	return &editor{model: model, view: v, cells: make(map[resource.ID]*cell)}
}

// apply does one change. A refused change alters nothing; the error is for the
// store.
func (e *editor) apply(c *change) (Outcome, error) {
	if c.refused != nil {
		return refusal(c, c.refused.Code, c.refused.Message), nil
	}
	if out, moved, err := e.moved(c); moved || err != nil {
		return out, err
	}
	out, err := e.do(c)
	if bad, ok := errors.AsType[*RefusedError](err); ok {
		return refusal(c, bad.Code, bad.Message), nil
	}
	return out, err
}

func (e *editor) do(c *change) (Outcome, error) {
	cl := e.cell(c.op.ResourceID)
	switch c.op.Op {
	case OpCreate:
		return e.create(cl, c)
	case OpUpdate:
		return e.update(cl, c)
	case OpUpsert:
		if !cl.exists && c.op.ExpectedRevisionID == "" {
			return e.create(cl, c)
		}
		return e.update(cl, c)
	case OpDelete:
		return e.remove(cl, c), nil
	default:
		return e.restore(cl, c), nil
	}
}

// cell returns the resource as it is by now.
func (e *editor) cell(id resource.ID) *cell {
	if cl, ok := e.cells[id]; ok {
		return cl
	}
	cl := &cell{ref: storage.Ref{Model: e.model.Name, ID: id}}
	cl.meta, cl.exists = e.view.Meta(cl.ref)
	e.cells[id] = cl
	e.order = append(e.order, id)
	return cl
}

func (e *editor) create(cl *cell, c *change) (Outcome, error) {
	if cl.exists {
		return refusal(c, CodeExists, fmt.Sprintf("resource %s exists already", cl.ref.ID)), nil
	}
	if err := cl.ref.ID.CheckNew(); err != nil {
		return refusal(c, CodeInvalid, err.Error()), nil
	}
	meta := resource.Meta{ResourceID: cl.ref.ID, CreatedTime: c.op.Time, CreatedBy: c.op.User}
	if err := e.write(cl, c, meta, opt.Value[resource.RevisionID]{}); err != nil {
		return Outcome{}, err
	}
	return outcome(EffectCreated, cl), nil
}

func (e *editor) update(cl *cell, c *change) (Outcome, error) {
	if out, bad := checkCurrent(cl, c); bad {
		return out, nil
	}
	if cl.meta.IsDeleted {
		return refusal(c, CodeDeleted, fmt.Sprintf("resource %s is deleted", cl.ref.ID)), nil
	}
	hash, err := e.currentHash(cl)
	if err != nil {
		return Outcome{}, err
	}
	if hash == c.hash {
		return outcome(EffectUnchanged, cl), nil
	}
	if err := e.write(cl, c, cl.meta, opt.Of(cl.meta.CurrentRevisionID)); err != nil {
		return Outcome{}, err
	}
	return outcome(EffectUpdated, cl), nil
}

func (e *editor) remove(cl *cell, c *change) Outcome {
	if out, bad := checkCurrent(cl, c); bad {
		return out
	}
	if cl.meta.IsDeleted {
		return refusal(c, CodeDeleted, fmt.Sprintf("resource %s is deleted already", cl.ref.ID))
	}
	cl.mark(c, true)
	return outcome(EffectDeleted, cl)
}

func (e *editor) restore(cl *cell, c *change) Outcome {
	if out, bad := checkCurrent(cl, c); bad {
		return out
	}
	if !cl.meta.IsDeleted {
		return outcome(EffectUnchanged, cl)
	}
	cl.mark(c, false)
	return outcome(EffectRestored, cl)
}

// mark deletes or restores. The rev_* fields stay as they are, also unset ones:
// the current revision is the same.
func (cl *cell) mark(c *change, deleted bool) {
	cl.meta.IsDeleted = deleted
	cl.meta.UpdatedTime, cl.meta.UpdatedBy = c.op.Time, c.op.User
	cl.dirty = true
}

// checkCurrent refuses a change of a resource that is not there or not at the
// revision that the change expects.
func checkCurrent(cl *cell, c *change) (Outcome, bool) {
	want := c.op.ExpectedRevisionID
	switch {
	case !cl.exists:
		return refusal(c, CodeNotFound, fmt.Sprintf("there is no resource %s", cl.ref.ID)), true
	case want != "" && want != cl.meta.CurrentRevisionID:
		return refusal(c, CodeConflict, fmt.Sprintf("current revision of %s is %s, not %s", cl.ref.ID, cl.meta.CurrentRevisionID, want)), true
	}
	return Outcome{}, false
}

// write adds the next revision of a resource and makes it current. meta is what
// the new meta starts from.
func (e *editor) write(cl *cell, c *change, meta resource.Meta, parent opt.Value[resource.RevisionID]) error {
	if cl.next == 0 {
		cl.next = e.view.NextNumber(cl.ref)
	}
	if cl.next < 1 || cl.next > resource.MaxRevisionNumber {
		return &RefusedError{
			Code: CodeInvalid, Model: e.model.Name, ResourceID: cl.ref.ID,
			Message: fmt.Sprintf("resource %s has no revision number left: the last is %d", cl.ref.ID, resource.MaxRevisionNumber),
		}
	}
	indexed, err := e.index(meta, c)
	if err != nil {
		return err
	}
	info := resource.RevisionInfo{
		UID:              c.uid(cl.next, parent.Or("")),
		ResourceID:       cl.ref.ID,
		RevisionID:       cl.ref.ID.Revision(cl.next),
		ParentRevisionID: parent,
		SchemaVersion:    meta.SchemaVersion,
		DataHash:         opt.Of(c.hash),
		Status:           c.op.Status.Or(resource.Stable),
		CreatedTime:      c.op.Time,
		UpdatedTime:      c.op.Time,
		CreatedBy:        c.op.User,
		UpdatedBy:        c.op.User,
	}
	meta.CurrentRevisionID = info.RevisionID
	meta.TotalRevisionCount = cl.next
	meta.UpdatedTime, meta.UpdatedBy = c.op.Time, c.op.User
	meta.IsDeleted = false
	meta.IndexedData = indexed
	meta.Rev = resource.RevMetaOf(info)

	cl.meta, cl.exists, cl.dirty = meta, true, true
	cl.hash = opt.Of(c.hash)
	cl.next++
	cl.revisions = append(cl.revisions, resource.Revision{Info: info, Data: c.payload})
	cl.blobs = append(cl.blobs, c.blobs...)
	return nil
}

// index returns the indexed values of a new payload: those at the paths known for
// the model and at those the resource had before. Without any the data stay unset.
func (e *editor) index(before resource.Meta, c *change) (opt.Value[resource.Indexed], error) {
	indexed, err := c.indexed, c.indexErr
	if x, ok := before.IndexedData.Get(); ok {
		if paths := unionPaths(e.model.IndexedPaths, x); !indexed.IsSet() || len(paths) != len(e.model.IndexedPaths) {
			indexed, err = valuesAt(paths, c.payload)
		}
	}
	if err != nil {
		return opt.Value[resource.Indexed]{}, e.unindexable(before.ResourceID, err)
	}
	return indexed, nil
}

// valuesAt returns the indexed values of a payload.
func valuesAt(paths []string, p []byte) (opt.Value[resource.Indexed], error) {
	values, err := payload.Extract(p, paths)
	if err != nil {
		return opt.Value[resource.Indexed]{}, err
	}
	x, err := resource.NewIndexed(values)
	if err != nil {
		return opt.Value[resource.Indexed]{}, err
	}
	return opt.Of(x), nil
}

// unindexable refuses a payload whose indexed values cannot be had. It must not
// fail the whole unit of work: the other changes are fine.
func (e *editor) unindexable(id resource.ID, err error) error {
	return &RefusedError{
		Code: CodeInvalid, Model: e.model.Name, ResourceID: id,
		Message: fmt.Sprintf("payload of %s cannot be indexed: %v", id, err),
	}
}

// unionPaths returns paths and the keys of x; mostly they are the same.
func unionPaths(paths []string, x resource.Indexed) []string {
	more := slices.Clone(paths)
	for key := range x.All() {
		if _, ok := slices.BinarySearch(paths, key); !ok {
			more = append(more, key)
		}
	}
	return sortedUnion(more, nil)
}

// currentHash returns the hash of the current payload, computed where the info
// has none or one that a migration left stale; "" when the revision is nowhere.
func (e *editor) currentHash(cl *cell) (string, error) {
	if h, ok := cl.hash.Get(); ok {
		return h, nil
	}
	h, err := e.storedHash(currentKey(cl.meta))
	if errors.Is(err, storage.ErrNotFound) {
		h, err = "", nil
	}
	if err != nil {
		return "", err
	}
	cl.hash = opt.Of(h)
	return h, nil
}

func (e *editor) storedHash(key resource.RevisionKey) (string, error) {
	info, err := e.view.Info(e.model.Name, key)
	if err != nil {
		return "", err
	}
	if h, ok := info.DataHash.Get(); ok && !info.ParentSchemaVersion.IsSet() {
		return h, nil
	}
	data, err := e.view.Data(e.model.Name, key)
	if err != nil {
		return "", err
	}
	return resource.DataHash(data), nil
}

// into adds what was changed to w, by ascending id: stores write in that order.
func (e *editor) into(w storage.Writes) storage.Writes {
	slices.Sort(e.order)
	mw := storage.ModelWrites{
		Metas:     make([]resource.Meta, 0, len(e.order)),
		Revisions: make([]resource.Revision, 0, len(e.order)),
	}
	for _, id := range e.order {
		cl := e.cells[id]
		if !cl.dirty {
			continue
		}
		mw.Metas = append(mw.Metas, cl.meta)
		mw.Revisions = append(mw.Revisions, cl.revisions...)
		mw.Blobs = append(mw.Blobs, cl.blobs...)
	}
	if len(mw.Metas) == 0 {
		return w
	}
	mw.Blobs = sortedUnion(mw.Blobs, nil)
	if w.Models == nil {
		w.Models = make(map[string]storage.ModelWrites)
	}
	w.Models[e.model.Name] = mw
	return w
}

func outcome(effect Effect, cl *cell) Outcome {
	return Outcome{Effect: effect, ResourceID: cl.ref.ID, RevisionID: cl.meta.CurrentRevisionID}
}

func refusal(c *change, code Code, message string) Outcome {
	return Outcome{Effect: EffectRefused, ResourceID: c.op.ResourceID, Code: code, Message: message}
}
