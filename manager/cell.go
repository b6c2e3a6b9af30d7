package manager

import (
	"errors"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// cell is one resource under edit.
type cell struct {
	ref    storage.Ref
	meta   resource.Meta
	exists bool
	next   int // number of the next revision
	// hash is the hash of the current payload; unset until it was needed, and
	// empty when the current revision is nowhere.
	hash opt.Value[string]
	// purged: what the store holds of the resource goes first.
	purged bool
	// claims are the keys of the unique values it holds, by path; only of one that
	// was changed.
	claims map[string]string

	dirty     bool
	revisions []resource.Revision // written so far, each key once
	blobs     []string
	marks     []storage.Mark // raised so far, each once
}

// put makes meta the resource's meta.
func (cl *cell) put(meta resource.Meta) {
	cl.meta, cl.exists, cl.dirty = meta, true, true
}

// store adds a revision, or replaces what was written under its key.
func (cl *cell) store(r resource.Revision) {
	key := r.Info.Key()
	for i := range cl.revisions {
		if cl.revisions[i].Info.Key() == key {
			cl.revisions[i] = r
			return
		}
	}
	cl.revisions = append(cl.revisions, r)
}

// written returns the revision that was written under key, if any.
func (cl *cell) written(key resource.RevisionKey) (resource.Revision, bool) {
	i := slices.IndexFunc(cl.revisions, func(r resource.Revision) bool { return r.Info.Key() == key })
	if i < 0 {
		return resource.Revision{}, false
	}
	return cl.revisions[i], true
}

// cell returns the resource as it is by now.
func (e *editor) cell(id resource.ID) *cell {
	if cl, ok := e.cells[id]; ok {
		e.note(id, cl)
		return cl
	}
	e.note(id, nil)
	cl := &cell{ref: storage.Ref{Model: e.model.Name, ID: id}}
	cl.meta, cl.exists = e.view.Meta(cl.ref)
	e.cells[id] = cl
	e.order = append(e.order, id)
	return cl
}

// info returns the info stored under key, or written under it by now.
func (e *editor) info(cl *cell, key resource.RevisionKey) (resource.RevisionInfo, error) {
	if r, ok := cl.written(key); ok {
		return r.Info, nil
	}
	if cl.purged {
		return resource.RevisionInfo{}, fmt.Errorf("revision %s: %w", key.Revision, storage.ErrNotFound)
	}
	return e.view.Info(e.model.Name, key)
}

// data returns the payload stored under key, or written under it by now.
func (e *editor) data(cl *cell, key resource.RevisionKey) ([]byte, error) {
	if r, ok := cl.written(key); ok {
		return r.Data, nil
	}
	if cl.purged {
		return nil, fmt.Errorf("revision %s: %w", key.Revision, storage.ErrNotFound)
	}
	return e.view.Data(e.model.Name, key)
}

// current returns the info and payload of the current revision; a *[RefusedError]
// when it is nowhere.
func (e *editor) current(cl *cell) (resource.Revision, error) {
	key := currentKey(cl.meta)
	info, err := e.info(cl, key)
	if err == nil {
		var data []byte
		if data, err = e.data(cl, key); err == nil {
			return resource.Revision{Info: info, Data: data}, nil
		}
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = e.refuse(cl, CodeRevMissing, "the current revision %s of %s is nowhere", key.Revision, cl.ref.ID)
	}
	return resource.Revision{}, err
}

// currentHash returns the hash of the current payload, computed where the info
// has none or one that a migration left stale; "" when the revision is nowhere.
func (e *editor) currentHash(cl *cell) (string, error) {
	if h, ok := cl.hash.Get(); ok {
		return h, nil
	}
	h, err := e.storedHash(cl, currentKey(cl.meta))
	if errors.Is(err, storage.ErrNotFound) {
		h, err = "", nil
	}
	if err != nil {
		return "", err
	}
	cl.hash = opt.Of(h)
	return h, nil
}

func (e *editor) storedHash(cl *cell, key resource.RevisionKey) (string, error) {
	info, err := e.info(cl, key)
	if err != nil {
		return "", err
	}
	if h, ok := info.DataHash.Get(); ok && !info.ParentSchemaVersion.IsSet() {
		return h, nil
	}
	data, err := e.data(cl, key)
	if err != nil {
		return "", err
	}
	return resource.DataHash(data), nil
}

func (e *editor) refuse(cl *cell, code Code, format string, args ...any) error {
	return &RefusedError{Code: code, Model: e.model.Name, ResourceID: cl.ref.ID, Message: fmt.Sprintf(format, args...)}
}
