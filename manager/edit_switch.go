package manager

import (
	"github.com/specstar-worker/worker/resource"
)

// switchTo makes an existing revision the current one. The count stays: the next
// update gets a number of its own and has the switched revision as its parent.
func (e *editor) switchTo(cl *cell, c *change) (Effect, error) {
	if c.op.RevisionID == cl.meta.CurrentRevisionID {
		return EffectUnchanged, nil
	}
	info, err := e.find(cl, c.op.RevisionID)
	if err != nil {
		return "", err
	}
	data, err := e.data(cl, info.Key())
	if err != nil {
		return "", err
	}
	meta := cl.meta
	if n, ok := info.RevisionID.Number(); ok { // left by another writer
		meta.TotalRevisionCount = max(meta.TotalRevisionCount, n)
	}
	return EffectSwitched, e.point(cl, c, meta, info, e.contentOf(data))
}

// find returns the info of a revision at the model's schema version, or, where the
// model declares none, at that of the resource or else the last.
func (e *editor) find(cl *cell, id resource.RevisionID) (resource.RevisionInfo, error) {
	infos, err := e.infos(cl)
	if err != nil {
		return resource.RevisionInfo{}, err
	}
	var found resource.RevisionInfo
	want := e.schemaVersion(cl.meta)
	for _, info := range infos {
		if info.RevisionID != id {
			continue
		}
		if found = info; info.SchemaVersion == want {
			return info, nil
		}
	}
	if found.RevisionID == "" {
		return found, e.refuse(cl, CodeNotFound, "resource %s has no revision %s", cl.ref.ID, id)
	}
	return found, nil
}

// infos returns what is stored of the resource's revisions, and what was written by now.
func (e *editor) infos(cl *cell) ([]resource.RevisionInfo, error) {
	var infos []resource.RevisionInfo
	if !cl.purged {
		stored, err := e.view.Infos(cl.ref)
		if err != nil {
			return nil, err
		}
		for _, info := range stored {
			if _, replaced := cl.written(info.Key()); !replaced {
				infos = append(infos, info)
			}
		}
	}
	for _, r := range cl.revisions {
		infos = append(infos, r.Info)
	}
	return infos, nil
}
