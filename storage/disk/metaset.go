package disk

import (
	"context"
	"iter"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaSet reads metas that can be listed, and read one by one.
type metaSet struct {
	list func(context.Context) ([]resource.ID, error)           // ascending
	read func(context.Context, []resource.ID) ([][]byte, error) // nil for one that is not there
}

var _ storage.MetaPages = metaSet{}

// metasPage is how many metas are in memory at a time, besides the ids of all.
const metasPage = 200

// Find returns the bytes of those metas that are there.
func (s metaSet) Find(ctx context.Context, ids []resource.ID) (map[resource.ID][]byte, error) {
	found := make(map[resource.ID][]byte, len(ids))
	page, err := s.read(ctx, ids)
	for i, b := range page {
		if b != nil {
			found[ids[i]] = b
		}
	}
	return found, err
}

// All returns every meta by ascending id. One that is removed meanwhile may be left out.
func (s metaSet) All(ctx context.Context) iter.Seq2[storage.StoredMeta, error] {
	return s.after(ctx, "")
}

// after returns the metas with ids above one.
func (s metaSet) after(ctx context.Context, last resource.ID) iter.Seq2[storage.StoredMeta, error] {
	return func(yield func(storage.StoredMeta, error) bool) {
		ids, err := s.list(ctx)
		if err != nil {
			yield(storage.StoredMeta{}, err)
			return
		}
		at, found := slices.BinarySearch(ids, last)
		if found {
			at++
		}
		for some := range slices.Chunk(ids[at:], metasPage) {
			page, err := s.read(ctx, some)
			if err != nil {
				yield(storage.StoredMeta{}, err)
				return
			}
			for i, b := range page {
				if b != nil && !yield(storage.StoredMeta{ID: some[i], Data: b}, nil) {
					return
				}
			}
		}
	}
}

// Unfilled returns metas that lack a rev_* field: each meta above after is read until
// there are enough.
func (s metaSet) Unfilled(ctx context.Context, after resource.ID, limit int) (list []storage.StoredMeta, err error) {
	for m, err := range s.after(ctx, after) {
		if err != nil {
			return nil, err
		}
		if lacksRev(m.Data) {
			list = append(list, m)
		}
		if len(list) == limit {
			break
		}
	}
	return list, nil
}

// lacksRev reports whether a meta lacks a rev_* field. One that is damaged does: who is
// to fill it in meets the damage.
func lacksRev(b []byte) bool {
	m, err := decodeMeta(b)
	return err != nil || !m.Rev.Complete()
}

// Count counts metas, and reads each.
func (s metaSet) Count(ctx context.Context) (metas, unfilled int64, err error) {
	for m, err := range s.All(ctx) {
		if err != nil {
			return 0, 0, err
		}
		metas++
		if lacksRev(m.Data) {
			unfilled++
		}
	}
	return metas, unfilled, nil
}
