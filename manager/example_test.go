package manager_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// A catalog over a store in memory: save a resource twice, find it by a field of
// its current revision, and copy the store through an archive.
func Example() {
	ctx := context.Background()
	f := memory.New()
	blobs, err := storage.BuildBlobStore(ctx, f)
	if err != nil {
		log.Fatal(err)
	}
	catalog := manager.NewCatalog(f, blobs, manager.Options{})
	books, err := catalog.Declare(ctx, storage.ModelInfo{Name: "book", Encoding: resource.JSON, IndexedPaths: []string{"title"}})
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	outcomes, err := books.SaveMany(ctx, []manager.Operation{
		{Op: manager.OpCreate, ResourceID: "book:1", Data: []byte(`{"title": "Notes"}`), User: "ada", Time: at},
		{Op: manager.OpUpdate, ResourceID: "book:1", Data: []byte(`{"title": "Sketches"}`), User: "ada", Time: at, Status: opt.Of(resource.Draft)},
		{Op: manager.OpUpdate, ResourceID: "book:2", Data: []byte(`{}`), User: "ada", Time: at},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range outcomes {
		fmt.Printf("%s %q %q\n", o.Effect, o.RevisionID, o.Code)
	}
	for meta, err := range books.Search(ctx, qb.Where(qb.RevStatus().Eq(resource.Draft))) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("draft:", meta.ResourceID)
	}

	var archive bytes.Buffer
	if _, err := catalog.DumpTo(ctx, &archive, manager.DumpOptions{}); err != nil {
		log.Fatal(err)
	}
	other := manager.NewCatalog(memory.New(), blobs, manager.Options{})
	stats, err := other.LoadArchive(ctx, bytes.NewReader(archive.Bytes()), manager.LoadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("loaded:", stats["book"].Loaded, "revisions:", stats["book"].Revisions)
	// Output:
	// created "book:1:1" ""
	// updated "book:1:2" ""
	// refused "" "not_found"
	// draft: book:1
	// loaded: 1 revisions: 2
}
