package check

import (
	"context"
	"iter"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// brokenGarbages would lose something in a garbage collection, or keep it for ever.
func brokenGarbages() map[string]broken {
	return map[string]broken{
		"deletes blobs whatever their age": {
			open:   withBlobs(func(b storage.BlobStore) storage.BlobStore { return agelessBlobs{b} }),
			caught: []string{"G25/put_and_touch_make_a_blob_new", "G25/only_old_blobs_are_deleted"},
		},
		"does not make a blob new": {
			open:   withBlobs(func(b storage.BlobStore) storage.BlobStore { return untouchedBlobs{b} }),
			caught: []string{"G25/put_and_touch_make_a_blob_new"},
		},
		"hides what is staged": {
			open:   withGarbage(func(f storage.Factory) storage.Garbage { return stagedHider{f.Garbage(), f} }),
			caught: []string{"G26/payloads_are_all_that_is_stored"},
		},
		"lets models forget for ever": {
			open:   withGarbage(func(f storage.Factory) storage.Garbage { return acquitsNothing{f.Garbage()} }),
			caught: []string{"G26/acquitted_blobs_are_remembered_again", "G26/condemned_is_not_remembered_by_what_was"},
		},
		"removes orphans without being asked": {
			open:   withGarbage(func(f storage.Factory) storage.Garbage { return sweepsMore{f.Garbage()} }),
			caught: []string{"G27/sweep_removes_orphans_on_request"},
		},
	}
}

func withGarbage(alter func(storage.Factory) storage.Garbage) Open {
	return over(func(f storage.Factory) storage.Factory {
		return altered{Factory: f, garbage: func(storage.Garbage) storage.Garbage { return alter(f) }}
	})
}

type agelessBlobs struct{ storage.BlobStore }

func (b agelessBlobs) DeleteOld(ctx context.Context, ids []string, _ time.Time) ([]bool, error) {
	return b.BlobStore.DeleteOld(ctx, ids, time.Now().Add(time.Hour))
}

type untouchedBlobs struct{ storage.BlobStore }

func (b untouchedBlobs) Touch(ctx context.Context, id string) (storage.BlobInfo, error) {
	return b.Stat(ctx, id)
}

type stagedHider struct {
	storage.Garbage
	f storage.Factory
}

// Payloads leaves out revisions of resources that have no meta.
func (g stagedHider) Payloads(ctx context.Context) iter.Seq2[storage.Payload, error] {
	return func(yield func(storage.Payload, error) bool) {
		for p, err := range g.Garbage.Payloads(ctx) {
			if err == nil {
				s, berr := g.f.Build(ctx, p.Model)
				if berr != nil {
					continue
				}
				if _, gerr := s.Metas.Get(ctx, p.Resource); gerr != nil {
					continue
				}
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

type acquitsNothing struct{ storage.Garbage }

func (g acquitsNothing) Acquit(ctx context.Context, ids []string) error { return g.Forget(ctx, ids) }

type sweepsMore struct{ storage.Garbage }

func (g sweepsMore) Sweep(ctx context.Context, o storage.SweepOptions) (storage.Sweep, error) {
	o.Orphans = o.Remove
	return g.Garbage.Sweep(ctx, o)
}
