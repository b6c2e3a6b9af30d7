package outer

import (
	"context"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Purged are entries and contents of resources that go.
type Purged struct {
	Entries []storage.Entry
	UIDs    []string
}

// FindPurged lists what there is of resources. Keys of written are made to lead
// elsewhere: only what they led to goes.
func FindPurged(ctx context.Context, m storage.ModelMedium, ids []resource.ID, written map[resource.RevisionKey]string) (Purged, error) {
	var p Purged
	kept := map[string]bool{}
	for _, uid := range written {
		kept[uid] = true
	}
	for e, err := range m.Entries(ctx, slices.Values(ids)) {
		if err != nil {
			return p, err
		}
		if _, ok := written[e.Key]; !ok {
			p.Entries = append(p.Entries, e)
		}
		if !kept[e.UID] {
			p.UIDs = append(p.UIDs, e.UID)
		}
	}
	slices.Sort(p.UIDs)
	p.UIDs = slices.Compact(p.UIDs)
	return p, nil
}

// Remove removes what was found, entries first so that none leads nowhere.
func (p Purged) Remove(ctx context.Context, m storage.ModelMedium) error {
	if len(p.UIDs) == 0 {
		return nil
	}
	if err := RemoveEntries(ctx, m, p.Entries); err != nil {
		return err
	}
	return m.RemoveContents(ctx, p.UIDs)
}

// Purge removes the entries and contents of resources.
func Purge(ctx context.Context, m storage.ModelMedium, ids []resource.ID) error {
	p, err := FindPurged(ctx, m, ids, nil)
	if err != nil {
		return err
	}
	return p.Remove(ctx, m)
}

// RemoveEntries removes entries. One that leads elsewhere by now belongs to who made
// it so.
func RemoveEntries(ctx context.Context, m storage.ModelMedium, entries []storage.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	keys := make([]resource.RevisionKey, len(entries))
	for i, e := range entries {
		keys[i] = e.Key
	}
	leads, err := m.Lookup(ctx, keys)
	if err != nil {
		return err
	}
	same := keys[:0]
	for i, uid := range leads {
		if uid == entries[i].UID {
			same = append(same, keys[i])
		}
	}
	if len(same) == 0 {
		return nil
	}
	return m.RemoveEntries(ctx, same)
}

// Publish makes staged contents found. Keys that are there, left by a resource whose
// meta was removed, are made to lead to the new contents.
func Publish(ctx context.Context, m storage.ModelMedium, entries []storage.Entry) error {
	owners, err := m.Claim(ctx, entries)
	if err != nil {
		return err
	}
	var points []storage.Entry
	for i, owner := range owners {
		if owner != entries[i].UID {
			points = append(points, entries[i])
		}
	}
	if len(points) == 0 {
		return nil
	}
	return m.Point(ctx, points)
}
