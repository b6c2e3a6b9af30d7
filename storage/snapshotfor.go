package storage

import "context"

// SharedSnapshots is implemented by factories of which several goroutines can read one
// snapshot at the same time.
type SharedSnapshots interface {
	// SharedSnapshot returns a view of all models as they are now, and how many
	// goroutines may read revisions of it at the same time, beside one that reads metas:
	// as many as are asked for, or fewer. 0 means that it is like any other: all of it
	// is for one goroutine at a time.
	SharedSnapshot(ctx context.Context, readers int) (Snapshot, int, error)
}

// SnapshotFor returns a view of all models as they are now, and how many goroutines may
// read it, see [SharedSnapshots]; 0 also of a factory that does not implement that.
func SnapshotFor(ctx context.Context, f Factory, readers int) (Snapshot, int, error) {
	if shared, ok := f.(SharedSnapshots); ok && readers > 0 {
		return shared.SharedSnapshot(ctx, readers)
	}
	s, err := f.Snapshot(ctx)
	return s, 0, err
}
