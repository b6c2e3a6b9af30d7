package manager

import (
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// write adds the next revision of a resource and makes it current. meta is what
// the new meta starts from.
func (e *editor) write(cl *cell, c *change, new content, meta resource.Meta, parent opt.Value[resource.RevisionID]) error {
	if cl.next == 0 {
		cl.next = e.view.NextNumber(cl.ref)
	}
	if cl.next < 1 || cl.next > resource.MaxRevisionNumber {
		return e.refuse(cl, CodeInvalid, "resource %s has no revision number left: the last is %d", cl.ref.ID, resource.MaxRevisionNumber)
	}
	info := resource.RevisionInfo{
		UID:              c.uid(cl.next, parent.Or("")),
		ResourceID:       cl.ref.ID,
		RevisionID:       cl.ref.ID.Revision(cl.next),
		ParentRevisionID: parent,
		SchemaVersion:    e.schemaVersion(meta),
		DataHash:         opt.Of(new.hash),
		Status:           c.op.Status.Or(resource.Stable),
		CreatedTime:      c.op.Time,
		UpdatedTime:      c.op.Time,
		CreatedBy:        c.op.User,
		UpdatedBy:        c.op.User,
	}
	meta.TotalRevisionCount = cl.next
	meta.IsDeleted = false
	if err := e.point(cl, c, meta, info, new); err != nil {
		return err
	}
	cl.next++
	cl.store(resource.Revision{Info: info, Data: new.payload})
	cl.blobs = append(cl.blobs, new.blobs...)
	return nil
}

// schemaVersion is the one that new payloads are written at: the declared one,
// else that of the resource.
func (e *editor) schemaVersion(meta resource.Meta) opt.Value[string] {
	if e.model.SchemaVersion.IsSet() {
		return e.model.SchemaVersion
	}
	return meta.SchemaVersion
}

// point makes a revision the current one of a meta and puts it: with its schema
// version, its indexed values and a copy of its facts.
func (e *editor) point(cl *cell, c *change, meta resource.Meta, info resource.RevisionInfo, current content) error {
	indexed, err := e.index(meta, current)
	if err != nil {
		return e.refuse(cl, CodeInvalid, "payload of %s cannot be indexed: %v", cl.ref.ID, err)
	}
	meta.CurrentRevisionID, meta.SchemaVersion = info.RevisionID, info.SchemaVersion
	meta.UpdatedTime, meta.UpdatedBy = c.op.Time, c.op.User
	meta.IndexedData = indexed
	meta.Rev = resource.RevMetaOf(info)
	if err := e.put(cl, meta); err != nil {
		return err
	}
	cl.hash = opt.Of(current.hash)
	return nil
}

// index returns the indexed values of a payload: those at the paths known for
// the model and at those the resource had before. Without any the data stay unset.
func (e *editor) index(before resource.Meta, current content) (opt.Value[resource.Indexed], error) {
	x, ok := before.IndexedData.Get()
	if !ok {
		return current.indexed, current.indexErr
	}
	paths := unionPaths(e.model.IndexedPaths, x)
	if current.indexed.IsSet() && len(paths) == len(e.model.IndexedPaths) {
		return current.indexed, nil
	}
	return e.form.valuesAt(paths, current.payload)
}
