package manager

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// migrate brings a revision, the current one when none is named, to the declared
// schema version. It becomes a revision of its own beside the old one, with its own
// uid and hash; the original gives it those of the old one, whose bytes it destroys
// (spec, "Manager operations"). Who changed the resource last, and when, stays, and
// so do the rev_* fields. A deleted resource is migrated too.
func (e *editor) migrate(cl *cell, c *change) (Effect, error) {
	target, ok := e.model.SchemaVersion.Get()
	if !ok {
		return "", e.refuse(cl, CodeNoMigration, "model %s declares no schema version to migrate to", e.model.Name)
	}
	id := c.op.RevisionID
	if id == "" {
		id = cl.meta.CurrentRevisionID
	}
	isCurrent := id == cl.meta.CurrentRevisionID
	at, err := e.forms(cl, id, target)
	if err != nil {
		return "", err
	}
	if _, done := at[opt.Of(target)]; done && (!isCurrent || cl.meta.SchemaVersion == opt.Of(target)) {
		return EffectUnchanged, nil
	}
	r, err := e.migrated(cl, c, at, target)
	if err != nil {
		return "", err
	}
	if isCurrent {
		err = e.repoint(cl, r.info, r.content)
	} else {
		err = e.put(cl, cl.meta)
	}
	if err != nil {
		return "", err
	}
	r.keep(cl)
	return EffectMigrated, nil
}

// migratedRevision is a revision at the version it was to be brought to.
type migratedRevision struct {
	info resource.RevisionInfo
	content
	made bool // it is not stored yet
}

// keep has the revision written, once nothing refuses the operation any more.
func (r migratedRevision) keep(cl *cell) {
	if r.made {
		cl.store(resource.Revision{Info: r.info, Data: r.payload})
		cl.blobs = append(cl.blobs, r.blobs...)
	}
}

// forms returns what a migration has to know of the forms of a revision. Of the current
// one that are the resource's own form and the one at the target, when a way leads from
// the first to the second: others would not be chosen.
func (e *editor) forms(cl *cell, id resource.RevisionID, target string) (map[opt.Value[string]]resource.RevisionInfo, error) {
	own := cl.meta.SchemaVersion
	if id != cl.meta.CurrentRevisionID || own != opt.Of(target) && pathTo(e.steps, own, target) == nil {
		return e.versions(cl, id)
	}
	at := map[opt.Value[string]]resource.RevisionInfo{}
	for _, version := range []opt.Value[string]{own, opt.Of(target)} {
		info, err := e.info(cl, resource.RevisionKey{Resource: cl.ref.ID, Revision: id, SchemaVersion: version})
		switch {
		case err == nil:
			at[version] = info
		case !errors.Is(err, storage.ErrNotFound):
			return nil, err
		case version == own:
			return e.versions(cl, id)
		}
	}
	return at, nil
}

// versions returns the infos of a revision by the schema versions it is stored at.
func (e *editor) versions(cl *cell, id resource.RevisionID) (map[opt.Value[string]]resource.RevisionInfo, error) {
	infos, err := e.infos(cl)
	if err != nil {
		return nil, err
	}
	at := map[opt.Value[string]]resource.RevisionInfo{}
	for _, info := range infos {
		if info.RevisionID == id {
			at[info.SchemaVersion] = info
		}
	}
	if len(at) == 0 {
		return nil, e.refuse(cl, CodeNotFound, "resource %s has no revision %s", cl.ref.ID, id)
	}
	return at, nil
}

// migrated returns a revision at the target version: as it is stored, or made of the
// one at the resource's version, else of the one with the shortest way.
func (e *editor) migrated(cl *cell, c *change, at map[opt.Value[string]]resource.RevisionInfo, target string) (migratedRevision, error) {
	at = sameState(cl.meta, at)
	if info, done := at[opt.Of(target)]; done {
		data, err := e.data(cl, info.Key())
		if err != nil {
			return migratedRevision{}, err
		}
		return migratedRevision{info: info, content: e.contentOf(data)}, nil
	}
	info, path, err := e.source(cl, at, target)
	if err != nil {
		return migratedRevision{}, err
	}
	before, err := e.data(cl, info.Key())
	if err != nil {
		return migratedRevision{}, err
	}
	data, err := e.walk(cl, path, info, before)
	if err != nil {
		return migratedRevision{}, err
	}
	if e.form.typed() {
		if data, err = e.formed(c, before, data); err != nil {
			return migratedRevision{}, e.refuse(cl, CodeInvalid, "%s of %s at version %q: %v", info.RevisionID, cl.ref.ID, target, err)
		}
	}
	new := e.madeContent(c, data)
	info.ParentSchemaVersion = opt.Of(pointerTo(info.SchemaVersion))
	info.SchemaVersion = opt.Of(target)
	info.UID, info.DataHash = c.uidInPlace(info.UID), opt.Of(new.hash)
	return migratedRevision{info: info, content: new, made: true}, nil
}

// sameState leaves out the forms of a revision that are of before a modification: a
// modify changes the form at one version and leaves those at others behind, while a
// migration keeps who changed it, when, and the status. The form at the resource's
// version counts for the current revision, the last one that was changed for others.
func sameState(meta resource.Meta, at map[opt.Value[string]]resource.RevisionInfo) map[opt.Value[string]]resource.RevisionInfo {
	var last resource.RevisionInfo
	for _, info := range at {
		if info.UpdatedTime.After(last.UpdatedTime) {
			last = info
		}
	}
	if own, ok := at[meta.SchemaVersion]; ok && own.RevisionID == meta.CurrentRevisionID {
		last = own
	}
	same := map[opt.Value[string]]resource.RevisionInfo{}
	for version, info := range at {
		if info.UpdatedTime.Equal(last.UpdatedTime) && info.UpdatedBy == last.UpdatedBy && info.Status == last.Status {
			same[version] = info
		}
	}
	return same
}

// walk leads a payload along a path.
func (e *editor) walk(cl *cell, path []step, info resource.RevisionInfo, data []byte) ([]byte, error) {
	for _, s := range path {
		var err error
		if data, err = s.apply(data); err != nil {
			return nil, e.refuse(cl, CodeInvalid, "migrate %s of %s to version %q: %v", info.RevisionID, cl.ref.ID, s.to, err)
		}
	}
	return data, nil
}

// source chooses what to migrate from.
func (e *editor) source(cl *cell, at map[opt.Value[string]]resource.RevisionInfo, target string) (info resource.RevisionInfo, path []step, err error) {
	if own, ok := at[cl.meta.SchemaVersion]; ok {
		info, path = own, pathTo(e.steps, own.SchemaVersion, target)
	}
	for _, version := range slices.SortedFunc(maps.Keys(at), compareVersions) {
		other := at[version]
		p := pathTo(e.steps, other.SchemaVersion, target)
		if info.RevisionID == "" || path == nil && p != nil || path != nil && p != nil && info.SchemaVersion != cl.meta.SchemaVersion && len(p) < len(path) {
			info, path = other, p
		}
	}
	if path == nil {
		err = e.refuse(cl, CodeNoMigration, "revision %s of %s is at %s and there is no way to version %q (%s): declare a migration from there",
			info.RevisionID, cl.ref.ID, versionName(info.SchemaVersion), target, knownSteps(e.steps))
	}
	return info, path, err
}

// repoint makes a migrated form of the current revision the resource's payload.
func (e *editor) repoint(cl *cell, info resource.RevisionInfo, new content) error {
	meta := cl.meta
	indexed, err := e.index(meta, new)
	if err != nil {
		return e.refuse(cl, CodeInvalid, "payload of %s cannot be indexed: %v", cl.ref.ID, err)
	}
	meta.SchemaVersion, meta.IndexedData = info.SchemaVersion, indexed
	if err := e.put(cl, meta); err != nil {
		return err
	}
	cl.hash = opt.Of(new.hash)
	return nil
}

// compareVersions orders schema versions, none first.
func compareVersions(a, b opt.Value[string]) int {
	if a.IsSet() != b.IsSet() {
		if b.IsSet() {
			return -1
		}
		return 1
	}
	return strings.Compare(a.Or(""), b.Or(""))
}

func pointerTo(v opt.Value[string]) *string {
	if s, ok := v.Get(); ok {
		return &s
	}
	return nil
}
