package manager

import (
	"errors"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// switchTo makes an existing revision the current one. The count stays: the next
// update gets a number of its own and has the switched revision as its parent. One
// that is not stored at the resource's schema version is migrated on the way; the
// original refuses it until somebody has.
func (e *editor) switchTo(cl *cell, c *change) (Effect, error) {
	if c.op.RevisionID == cl.meta.CurrentRevisionID {
		return EffectUnchanged, nil
	}
	at, err := e.versions(cl, c.op.RevisionID)
	if err != nil {
		return "", err
	}
	var r migratedRevision
	if info, ok := at[cl.meta.SchemaVersion]; ok {
		data, err := e.data(cl, info.Key())
		if err != nil {
			return "", err
		}
		r = migratedRevision{info: info, content: e.contentOf(data)}
	} else if r, err = e.switchMigrated(cl, c, at); err != nil {
		return "", err
	}
	meta := cl.meta
	if n, ok := r.info.RevisionID.Number(); ok { // left by another writer
		meta.TotalRevisionCount = max(meta.TotalRevisionCount, n)
	}
	if err := e.point(cl, c, meta, r.info, r.content); err != nil {
		return "", err
	}
	r.keep(cl)
	return EffectSwitched, nil
}

// switchMigrated migrates the revision that is switched to.
func (e *editor) switchMigrated(cl *cell, c *change, at map[opt.Value[string]]resource.RevisionInfo) (migratedRevision, error) {
	if target, declared := e.model.SchemaVersion.Get(); declared {
		r, err := e.migrated(cl, c, at, target)
		if bad, ok := errors.AsType[*RefusedError](err); !ok || bad.Code != CodeNoMigration {
			return r, err
		}
	}
	return migratedRevision{}, e.refuse(cl, CodeNotMigrated,
		"revision %s is not stored at %s, that of resource %s: declare the model with a migration to it, then switch or migrate",
		c.op.RevisionID, versionName(cl.meta.SchemaVersion), cl.ref.ID)
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
