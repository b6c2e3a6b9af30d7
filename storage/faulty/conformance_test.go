package faulty_test

import (
	"context"
	"testing"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/faulty"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/sqlite"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// TestUnarmedOverMemory and its neighbour show that a store under a plan without
// faults is as good as without the plan.
func TestUnarmedOverMemory(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Open: func(context.Context, string) (storage.Factory, error) {
			return faulty.New(memory.New(), new(faulty.Plan)), nil
		},
		Lacks: []check.Need{check.Durable},
	})
}

func TestUnarmedOverSQLite(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Open: func(ctx context.Context, place string) (storage.Factory, error) {
			f, err := sqlite.Open(ctx, sqlite.Config{Dir: place})
			if err != nil {
				return nil, err
			}
			return faulty.New(f, new(faulty.Plan)), nil
		},
	})
}

// TestChecksCallEveryMethod shows both that each method has a hook and that no
// method of a store goes unchecked.
func TestChecksCallEveryMethod(t *testing.T) {
	plan := new(faulty.Plan)
	report, err := check.Run(t.Context(), func(context.Context, string) (storage.Factory, error) {
		return faulty.New(memory.New(), plan), nil
	}, check.Options{})
	if err != nil || !report.OK() {
		t.Fatalf("the checks failed: %v", err)
	}
	for _, method := range faulty.Methods() {
		if plan.Calls(method) == 0 {
			t.Errorf("no check calls %s", method)
		}
	}
}
