package manager

import (
	"context"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// refuseEarly finds out, before anything is written, whether the load would be
// refused by what is in the store.
func (l *loader) refuseEarly(ctx context.Context) error {
	early := newEarly(l.opts.OnDuplicate)
	if early == nil {
		return nil
	}
	if err := l.existing(ctx, early.look); err != nil {
		return err
	}
	return duplicateError(&early.dup)
}

// early looks at what exists before a load, so that one that cannot succeed
// leaves no trace. The look has no lock: what comes into being later is found by
// the unit of work that makes the load visible.
type early struct {
	on  OnDuplicate
	dup storage.DuplicateError
}

// newEarly returns nil when existing resources do not matter.
func newEarly(on OnDuplicate) *early {
	if on == RaiseError || on == Newer {
		return &early{on: on}
	}
	return nil
}

// look takes the metas of a cargo's resources that exist: [RaiseError] counts
// them, [Newer] refuses those that are as old as the archived ones and differ.
func (e *early) look(g *cargo, found []resource.Meta) error {
	if e.on == RaiseError {
		for i := range found {
			addDuplicate(&e.dup, g.model, found[i].ResourceID)
		}
		return nil
	}
	local := make(map[resource.ID]*resource.Meta, len(found))
	for i := range found {
		local[found[i].ResourceID] = &found[i]
	}
	for i := range g.metas {
		meta := &g.metas[i]
		have := local[meta.ResourceID]
		if have == nil || compareAge(meta, have) != 0 {
			continue
		}
		if _, same := join(meta, have); !same {
			return ambiguous(g.model, meta.ResourceID)
		}
	}
	return nil
}
