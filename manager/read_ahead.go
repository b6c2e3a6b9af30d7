package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// readAhead are revisions that were read many at once, before the unit of work that
// needs them. They count for a resource whose meta is still the one they were read
// for: whoever changes its current revision writes another meta.
type readAhead struct {
	metas map[resource.ID]resource.Meta
	// found has what was asked for by key, unset for what was nowhere.
	found map[resource.RevisionKey]opt.Value[resource.Revision]
}

// readAhead reads the current revisions of the first of metas at their own version and
// at the target: of as many as make some megabytes.
func (g *migration) readAhead(ctx context.Context, metas []resource.Meta) (*readAhead, error) {
	a := &readAhead{metas: map[resource.ID]resource.Meta{}, found: map[resource.RevisionKey]opt.Value[resource.Revision]{}}
	keys := make([]resource.RevisionKey, len(metas))
	for i, meta := range metas {
		keys[i] = currentKey(meta)
	}
	at, bytes := 0, 0
	for some, err := range revisionsOf(ctx, g.m.stores.Revisions, keys) {
		if err != nil {
			return nil, err
		}
		for _, r := range some {
			a.metas[metas[at].ResourceID], a.found[keys[at]] = metas[at], r
			bytes += len(r.Or(resource.Revision{}).Data)
			at++
		}
		if bytes >= listedBytes {
			break
		}
	}
	keys = keys[:at]
	for i := range keys {
		keys[i].SchemaVersion = g.target
	}
	found, err := g.m.stores.Revisions.GetMany(ctx, keys)
	for _, key := range keys {
		a.found[key] = opt.Value[resource.Revision]{}
		if r, ok := found[key]; ok {
			a.found[key] = opt.Of(r)
		}
	}
	return a, err
}

// over returns a view that answers by what was read ahead where that counts.
func (a *readAhead) over(v storage.View) storage.View {
	if a == nil {
		return v
	}
	return aheadView{View: v, ahead: a, same: make(map[resource.ID]bool, len(a.metas))}
}

// aheadView is a view of a unit of work with what was read ahead.
type aheadView struct {
	storage.View
	ahead *readAhead
	same  map[resource.ID]bool // whose meta is the one that was read
}

// known returns what was read ahead under key, when that counts.
func (v aheadView) known(model string, key resource.RevisionKey) (opt.Value[resource.Revision], bool) {
	r, asked := v.ahead.found[key]
	if !asked {
		return r, false
	}
	same, looked := v.same[key.Resource]
	if !looked {
		now, there := v.View.Meta(storage.Ref{Model: model, ID: key.Resource})
		same = there && sameBytes(now, v.ahead.metas[key.Resource])
		v.same[key.Resource] = same
	}
	return r, same
}

// sameBytes reports whether two metas are stored as the same bytes.
func sameBytes(a, b resource.Meta) bool {
	var room [1024]byte
	text := a.Append(resource.JSON, room[:0])
	n := len(text)
	text = b.Append(resource.JSON, text)
	return string(text[:n]) == string(text[n:])
}

// Info returns the info of a stored revision.
func (v aheadView) Info(model string, key resource.RevisionKey) (resource.RevisionInfo, error) {
	r, ok := v.known(model, key)
	if !ok {
		return v.View.Info(model, key)
	}
	revision, there := r.Get()
	if !there {
		return resource.RevisionInfo{}, fmt.Errorf("revision %s: %w", key.Revision, storage.ErrNotFound)
	}
	return revision.Info, nil
}

// Data returns the payload of a stored revision.
func (v aheadView) Data(model string, key resource.RevisionKey) ([]byte, error) {
	r, ok := v.known(model, key)
	if !ok {
		return v.View.Data(model, key)
	}
	revision, there := r.Get()
	if !there {
		return nil, fmt.Errorf("revision %s: %w", key.Revision, storage.ErrNotFound)
	}
	return revision.Data, nil
}
