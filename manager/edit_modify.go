package manager

import (
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// modify changes the current revision in place: it keeps its id, number, parent
// and creation, and gets a new uid. Its payload may change while it is a draft, or
// becomes one; its status always (spec, "Manager operations"). Unlike the
// original's, a status is changed also where the payload is the same.
func (e *editor) modify(cl *cell, c *change) (Effect, error) {
	now, err := e.current(cl)
	if err != nil {
		return "", err
	}
	status := c.op.Status.Or(now.Info.Status)
	if c.payload == nil && c.patch == nil {
		return e.rewrite(cl, c, now.Info, e.contentOf(now.Data), status)
	}
	if now.Info.Status != resource.Draft && status != resource.Draft {
		return "", e.refuse(cl, CodeNotDraft, "revision %s is %s: its data can be modified only as a draft; update makes a new revision, or pass status draft",
			now.Info.RevisionID, now.Info.Status)
	}
	new := c.content
	if c.patch != nil {
		if new, err = e.patched(cl, c, now); err != nil {
			return "", err
		}
	}
	return e.rewrite(cl, c, now.Info, new, status)
}

// rewrite puts a revision with a payload and status in the place of the current one.
func (e *editor) rewrite(cl *cell, c *change, info resource.RevisionInfo, new content, status resource.Status) (Effect, error) {
	hash, err := e.currentHash(cl)
	if err != nil {
		return "", err
	}
	written := new.hash != hash || (c.payload != nil || c.patch != nil) && info.SchemaVersion != e.schemaVersion(cl.meta)
	if status == info.Status && !written {
		return EffectUnchanged, nil
	}
	if written { // a new payload is one of today's schema
		info.SchemaVersion = e.schemaVersion(cl.meta)
		info.ParentSchemaVersion = opt.Value[*string]{}
	}
	c.hash = new.hash
	info.UID = c.uidInPlace(info.UID)
	info.DataHash, info.Status = opt.Of(new.hash), status
	info.UpdatedTime, info.UpdatedBy = c.op.Time, c.op.User
	if err := e.point(cl, c, cl.meta, info, new); err != nil {
		return "", err
	}
	cl.store(resource.Revision{Info: info, Data: new.payload})
	cl.blobs = append(cl.blobs, new.blobs...)
	return EffectModified, nil
}
