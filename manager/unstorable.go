package manager

import (
	"context"
	"errors"
	"iter"

	"github.com/specstar-worker/worker/storage"
)

// update runs a unit of work over changes. Records that the store cannot hold, see
// [storage.RecordError], are refused alone: of each the last change of its resource, then
// the one before, until the rest can be held. The unit is done again for all that the
// store has named at once.
func (m *Manager) update(ctx context.Context, b storage.Batch, changes iter.Seq[*change], compute func(storage.View) (storage.Writes, error)) error {
	for {
		err := m.catalog.factory.Unit().Update(ctx, b, compute)
		bad, ok := errors.AsType[*storage.RecordError](err)
		if !ok {
			return err
		}
		refused := refuseUnstorable(changes, bad)
		for _, other := range bad.More {
			refused = refuseUnstorable(changes, other) || refused
		}
		if !refused {
			return err
		}
	}
}

// refuseUnstorable refuses the last change of the record's resource that is not
// refused yet, and reports whether there was one.
func refuseUnstorable(changes iter.Seq[*change], bad *storage.RecordError) bool {
	var last *change
	for c := range changes {
		if c.op.ResourceID == bad.ID && c.refused == nil {
			last = c
		}
	}
	if last == nil {
		return false
	}
	last.refused = &RefusedError{Code: CodeInvalid, Model: bad.Model, ResourceID: bad.ID, Message: bad.Error()}
	return true
}
