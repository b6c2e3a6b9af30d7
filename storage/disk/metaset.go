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
	return s.in(ctx, storage.Range{}, metasPage)
}

// in returns the metas of a range, so many read at once at most.
func (s metaSet) in(ctx context.Context, r storage.Range, atOnce int) iter.Seq2[storage.StoredMeta, error] {
	return func(yield func(storage.StoredMeta, error) bool) {
		ids, err := s.list(ctx)
		if err != nil {
			yield(storage.StoredMeta{}, err)
			return
		}
		for some := range slices.Chunk(idsIn(ids, r), max(1, min(metasPage, atOnce))) {
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

// idsIn returns those of ascending ids that are in a range.
func idsIn(ids []resource.ID, r storage.Range) []resource.ID {
	behind := func(last resource.ID) int {
		at, found := slices.BinarySearch(ids, last)
		if found {
			at++
		}
		return at
	}
	end := len(ids)
	if r.Until != "" {
		end = behind(r.Until)
	}
	return ids[min(behind(r.After), end):end]
}

// Page returns the first metas of a range.
func (s metaSet) Page(ctx context.Context, r storage.Range, limit int) ([]storage.StoredMeta, error) {
	return s.first(ctx, r, limit, func([]byte) bool { return true })
}

// Unfilled returns the first metas of a range that lack a rev_* field: each meta is read
// until there are enough.
func (s metaSet) Unfilled(ctx context.Context, r storage.Range, limit int) ([]storage.StoredMeta, error) {
	return s.first(ctx, r, limit, lacksRev)
}

// first returns the first metas of a range that are wanted.
func (s metaSet) first(ctx context.Context, r storage.Range, limit int, wanted func([]byte) bool) (list []storage.StoredMeta, err error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	for m, err := range s.in(ctx, r, limit) {
		if err != nil {
			return nil, err
		}
		if !wanted(m.Data) {
			continue
		}
		if list = append(list, m); len(list) == limit {
			break
		}
	}
	return list, nil
}

// Cuts returns every n-th id.
func (s metaSet) Cuts(ctx context.Context, rows int) (cuts []resource.ID, err error) {
	ids, err := s.list(ctx)
	for at := rows; at <= len(ids); at += rows {
		cuts = append(cuts, ids[at-1])
	}
	return cuts, err
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
