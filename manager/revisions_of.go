package manager

import (
	"context"
	"iter"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// revisionsOf yields the revisions under keys, in the order of keys and unset for those
// that are nowhere: so many at once as the sizes of those before let into some megabytes.
func revisionsOf(ctx context.Context, r storage.RevisionReader, keys []resource.RevisionKey) iter.Seq2[[]opt.Value[resource.Revision], error] {
	return func(yield func([]opt.Value[resource.Revision], error) bool) {
		size := listedFirst
		for len(keys) > 0 {
			some := keys[:min(size, len(keys))]
			keys = keys[len(some):]
			found, err := r.GetMany(ctx, some)
			if err != nil {
				yield(nil, err)
				return
			}
			list := make([]opt.Value[resource.Revision], len(some))
			bytes := 1
			for i, key := range some {
				if revision, ok := found[key]; ok {
					list[i] = opt.Of(revision)
					bytes += len(revision.Data)
				}
			}
			size = max(1, min(listedMost, listedBytes*len(some)/bytes))
			if !yield(list, nil) {
				return
			}
		}
	}
}
