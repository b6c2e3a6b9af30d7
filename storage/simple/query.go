package simple

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Each returns a sequence of the values that begin returns. begin is called when
// a reading begins and its error ends that; the context is looked at between the
// values.
func Each[V any](ctx context.Context, begin func() ([]V, error)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var zero V
		values, err := begin()
		if err != nil {
			yield(zero, err)
			return
		}
		for _, v := range values {
			if err := ctx.Err(); err != nil {
				yield(zero, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// Count is [storage.MetaReader.Count] by looking at all metas, as qb.Select is
// Search.
func Count(all iter.Seq2[resource.Meta, error], q qb.Query) (int64, error) {
	var n int64
	for m, err := range all {
		if err != nil {
			return 0, err
		}
		if qb.Match(m, q.Where) {
			n++
		}
	}
	return n, nil
}

// DumpAll is [storage.RevisionReader.DumpAll] as a loop over List and Get.
func DumpAll(ctx context.Context, r storage.RevisionReader, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return func(yield func(resource.Revision, error) bool) {
		for id := range ids {
			if err := ctx.Err(); err != nil {
				yield(resource.Revision{}, err)
				return
			}
			for info, err := range r.List(ctx, id) {
				var rev resource.Revision
				if err == nil {
					rev, err = r.Get(ctx, info.Key())
				}
				if errors.Is(err, storage.ErrNotFound) {
					continue // purged meanwhile
				}
				if !yield(rev, err) || err != nil {
					return
				}
			}
		}
	}
}

// GetMany is [storage.RevisionReader.GetMany] as a loop over Get.
func GetMany(ctx context.Context, r storage.RevisionReader, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	found := make(map[resource.RevisionKey]resource.Revision, len(keys))
	for _, key := range keys {
		rev, err := r.Get(ctx, key)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found[key] = rev
	}
	return found, ctx.Err()
}

// CompareKeys orders the revisions of a resource: by number, then by schema
// version, none first (G5).
func CompareKeys(a, b resource.RevisionKey) int {
	if c := a.Revision.Compare(b.Revision); c != 0 {
		return c
	}
	va, okA := a.SchemaVersion.Get()
	vb, okB := b.SchemaVersion.Get()
	switch {
	case okA == okB:
		return strings.Compare(va, vb)
	case okB:
		return -1
	}
	return 1
}

// Duplicates returns a *storage.DuplicateError that names resources of a publish
// that exist already, by model; nil when there are none.
func Duplicates(found map[string][]resource.ID) error {
	count := 0
	for _, ids := range found {
		count += len(ids)
	}
	for _, model := range slices.Sorted(maps.Keys(found)) {
		if ids := slices.Sorted(slices.Values(found[model])); len(ids) > 0 {
			return &storage.DuplicateError{Model: model, IDs: ids[:min(storage.MaxDuplicateIDs, len(ids))], Count: count}
		}
	}
	return nil
}
