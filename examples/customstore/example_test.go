package customstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/specstar-worker/worker/examples/customstore"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Everything that runs on a store runs on this one.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "customstore-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := save(ctx, dir); err != nil {
		log.Fatal(err)
	}
	store, err := customstore.Open(ctx, dir) // as the next process does
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	books, err := store.Build(ctx, "book")
	if err != nil {
		log.Fatal(err)
	}
	for meta, err := range books.Metas.Search(ctx, qb.Where(qb.Data("title").Eq("Notes"))) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(meta.ResourceID, meta.TotalRevisionCount)
	}
	// Output:
	// book:1 2
}

// save writes a resource twice.
func save(ctx context.Context, dir string) error {
	store, err := customstore.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer store.Close()
	blobs, err := storage.BuildBlobStore(ctx, store)
	if err != nil {
		return err
	}
	catalog := manager.NewCatalog(store, blobs, manager.Options{})
	books, err := catalog.Declare(ctx, storage.ModelInfo{Name: "book", Encoding: resource.JSON, IndexedPaths: []string{"title"}})
	if err != nil {
		return err
	}
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	_, err = books.SaveMany(ctx, []manager.Operation{
		{Op: manager.OpCreate, ResourceID: "book:1", Data: []byte(`{"title": "Sketches"}`), User: "ada", Time: at},
		{Op: manager.OpUpdate, ResourceID: "book:1", Data: []byte(`{"title": "Notes"}`), User: "ada", Time: at},
	})
	return err
}
