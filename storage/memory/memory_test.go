package memory_test

import (
	"testing"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/storagetest"
)

func TestGuarantees(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		New: func(t testing.TB) storage.Factory {
			f := memory.New()
			t.Cleanup(func() {
				if err := f.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			return f
		},
	})
}
