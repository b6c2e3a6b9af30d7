package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// A unit of work reads, computes and writes with nothing in between.
func ExampleFactory_Unit() {
	ctx := context.Background()
	store := memory.New()
	if err := store.SaveModel(ctx, storage.ModelInfo{Name: "person", Encoding: resource.JSON}); err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ref := storage.Ref{Model: "person", ID: "person:p1"}
	for range 2 {
		err := store.Unit().Update(ctx, storage.Batch{Refs: []storage.Ref{ref}}, func(v storage.View) (storage.Writes, error) {
			n := v.NextNumber(ref)
			info := resource.RevisionInfo{
				UID: uuid.New(), ResourceID: ref.ID, RevisionID: ref.ID.Revision(n), Status: resource.Stable,
				CreatedTime: at, UpdatedTime: at, CreatedBy: "alice", UpdatedBy: "alice",
			}
			meta := resource.Meta{
				ResourceID: ref.ID, CurrentRevisionID: info.RevisionID, TotalRevisionCount: n,
				CreatedTime: at, UpdatedTime: at, CreatedBy: "alice", UpdatedBy: "alice", Rev: resource.RevMetaOf(info),
			}
			return storage.Writes{Models: map[string]storage.ModelWrites{"person": {
				Revisions: []resource.Revision{{Info: info, Data: []byte(`{"name":"Ada"}`)}},
				Metas:     []resource.Meta{meta},
			}}}, nil
		})
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	stores, err := store.Build(ctx, "person")
	if err != nil {
		fmt.Println(err)
		return
	}
	for info, err := range stores.Revisions.List(ctx, ref.ID) {
		fmt.Println(info.RevisionID, err)
	}
	// Output:
	// person:p1:1 <nil>
	// person:p1:2 <nil>
}
