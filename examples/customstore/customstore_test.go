package customstore_test

import (
	"context"
	"testing"

	"github.com/specstar-worker/worker/examples/customstore"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// TestGuarantees is all that a store needs to prove that it is one.
func TestGuarantees(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Open: func(ctx context.Context, place string) (storage.Factory, error) { return customstore.Open(ctx, place) },
	})
}
