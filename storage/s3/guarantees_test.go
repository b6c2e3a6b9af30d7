package s3

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/simple"
)

// held are transactions over a state that nothing but this process holds.
type held struct{ state *simple.State }

func (h held) Read(ctx context.Context) (*simple.State, error) { return h.state, ctx.Err() }

func (h held) Write(_ context.Context, change func(*simple.State) error) error {
	return change(h.state)
}

// bucketStore is a store whose blobs are in a bucket.
type bucketStore struct {
	*simple.Store
	s *Store
}

func (b bucketStore) BuildBlobStore(context.Context) (storage.BlobStore, error) {
	return b.s.Blobs(), nil
}

func (b bucketStore) Close() error { return b.s.Close() }

// TestGuaranteesOfBlobs runs what package check knows of blobs, with and without
// conditional writes.
func TestGuaranteesOfBlobs(t *testing.T) {
	for _, conditional := range []bool{true, false} {
		f := startFake(t)
		if !conditional {
			f.Lack(s3test.Lacks{Conditions: true})
		}
		open := func(ctx context.Context, place string) (storage.Factory, error) {
			config := f.direct()
			config.Prefix = place
			s, err := Open(ctx, config)
			if err != nil {
				return nil, err
			}
			store, err := simple.New(ctx, held{simple.NewState()}, storage.Traits{AtomicBatch: true, AtomicLoad: true, Writers: 1})
			return bucketStore{store, s}, err
		}
		var ran atomic.Int64
		for _, c := range check.All() {
			if c.Needs != check.Blobs {
				continue
			}
			ran.Add(1)
			name := "with conditions/"
			if !conditional {
				name = "without conditions/"
			}
			t.Run(name+c.Name, func(t *testing.T) {
				if r := c.Run(t.Context(), open, fmt.Sprint("store", ran.Load()), check.Options{}); r.State != check.Passed {
					t.Errorf("%s at %s: %s", r.State, r.Where, r.Message)
				}
			})
		}
		if ran.Load() < 10 {
			t.Errorf("%d checks are about blobs", ran.Load())
		}
	}
}
