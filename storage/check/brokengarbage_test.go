package check

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// TestBrokenGarbageIsCaught puts stores to the suite whose garbage collection
// would lose something, or keep it for ever.
func TestBrokenGarbageIsCaught(t *testing.T) {
	for name, tc := range map[string]struct {
		broken func(storage.Factory) storage.Factory
		caught []string
	}{
		"deletes blobs whatever their age": {
			func(f storage.Factory) storage.Factory { return brokenBlobs{f, ageless} },
			[]string{"G25/put_and_touch_make_a_blob_new", "G25/only_old_blobs_are_deleted", "G25/put_and_touch_exclude_the_deletion"},
		},
		"does not make a blob new": {
			func(f storage.Factory) storage.Factory { return brokenBlobs{f, untouched} },
			[]string{"G25/put_and_touch_make_a_blob_new"},
		},
		"hides what is staged": {
			func(f storage.Factory) storage.Factory { return brokenGarbage{f, hidesStaged} },
			[]string{"G26/payloads_are_all_that_is_stored"},
		},
		"lets models forget for ever": {
			func(f storage.Factory) storage.Factory { return brokenGarbage{f, forgetsAcquitted} },
			[]string{"G26/acquitted_blobs_are_remembered_again", "G26/condemned_is_not_remembered_by_what_was"},
		},
		"removes orphans without being asked": {
			func(f storage.Factory) storage.Factory { return brokenGarbage{f, sweepsAll} },
			[]string{"G27/sweep_removes_orphans_on_request"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			failed := failures(t, tc.broken)
			for _, c := range tc.caught {
				if failed[c] == "" {
					t.Errorf("check %s passed", c)
				}
			}
			if len(failed) > len(tc.caught)+2 {
				t.Errorf("%d checks failed: the names tell nothing", len(failed))
			}
		})
	}
}

type brokenBlobs struct {
	storage.Factory
	replace func(storage.BlobStore) storage.BlobStore
}

func (f brokenBlobs) BuildBlobStore(ctx context.Context) (storage.BlobStore, error) {
	b, err := storage.BuildBlobStore(ctx, f.Factory)
	if err != nil {
		return nil, err
	}
	return f.replace(b), nil
}

type agelessBlobs struct{ storage.BlobStore }

func ageless(b storage.BlobStore) storage.BlobStore { return agelessBlobs{b} }

func (b agelessBlobs) DeleteOld(ctx context.Context, ids []string, _ time.Time) ([]bool, error) {
	return b.BlobStore.DeleteOld(ctx, ids, time.Now().Add(time.Hour))
}

type untouchedBlobs struct{ storage.BlobStore }

func untouched(b storage.BlobStore) storage.BlobStore { return untouchedBlobs{b} }

func (b untouchedBlobs) Touch(ctx context.Context, id string) (storage.BlobInfo, error) {
	return b.Stat(ctx, id)
}

type brokenGarbage struct {
	storage.Factory
	replace func(storage.Factory) storage.Garbage
}

func (f brokenGarbage) Garbage() storage.Garbage { return f.replace(f.Factory) }

func (f brokenGarbage) BuildBlobStore(ctx context.Context) (storage.BlobStore, error) {
	return storage.BuildBlobStore(ctx, f.Factory)
}

type stagedHider struct {
	storage.Garbage
	f storage.Factory
}

func hidesStaged(f storage.Factory) storage.Garbage { return stagedHider{f.Garbage(), f} }

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

func forgetsAcquitted(f storage.Factory) storage.Garbage { return acquitsNothing{f.Garbage()} }

func (g acquitsNothing) Acquit(ctx context.Context, ids []string) error { return g.Forget(ctx, ids) }

type sweepsMore struct{ storage.Garbage }

func sweepsAll(f storage.Factory) storage.Garbage { return sweepsMore{f.Garbage()} }

func (g sweepsMore) Sweep(ctx context.Context, o storage.SweepOptions) (storage.Sweep, error) {
	o.Orphans = o.Remove
	return g.Garbage.Sweep(ctx, o)
}
