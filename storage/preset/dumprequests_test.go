package preset_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/s3"
)

// asked records the requests that are sent to a bucket.
type asked struct {
	mu       sync.Mutex
	listed   []string       // prefixes
	requests map[string]int // by method and key
}

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	if q := r.URL.Query(); q.Has("list-type") {
		a.listed = append(a.listed, q.Get("prefix"))
	} else {
		a.requests[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/bucket/")]++
	}
	a.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// forget forgets what was recorded.
func (a *asked) forget() { a.listed, a.requests = nil, map[string]int{} }

// openAsked opens a store of PostgreSQL with a bucket whose requests are recorded.
func openAsked(t *testing.T) (*postgres.Factory, *s3.Store, *asked) {
	t.Helper()
	server := s3test.Start(t)
	requests := &asked{requests: map[string]int{}}
	store, err := s3.Open(t.Context(), s3.Config{
		Bucket: server.Bucket("bucket"), Endpoint: server.Endpoint, Region: s3test.Region, PathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, ""),
		HTTP:        &http.Client{Transport: requests},
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := postgres.Open(t.Context(), postgres.Config{DSN: pgtest.Database(t), Revisions: store.Revisions(s3.LayoutPostgresS3), Blobs: store.Blobs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(f.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return f, store, requests
}

// fillModel stores resources with a revision each, and a blob that the model remembers.
func fillModel(t *testing.T, f *postgres.Factory, blobs storage.BlobStore, model string, n int) {
	t.Helper()
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: model, Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	blob, err := blobs.Put(t.Context(), strings.NewReader("blob of "+model), storage.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	w := storage.ModelWrites{Blobs: []string{blob.FileID}}
	var refs []storage.Ref
	for i := range n {
		id := resource.ID(fmt.Sprintf("%s:%04d", model, i))
		info := resource.RevisionInfo{
			UID: uuid.New(), ResourceID: id, RevisionID: id.Revision(1), Status: resource.Stable,
			CreatedTime: at, UpdatedTime: at, CreatedBy: "ann", UpdatedBy: "ann",
		}
		refs = append(refs, storage.Ref{Model: model, ID: id})
		w.Revisions = append(w.Revisions, resource.Revision{Info: info, Data: []byte(`{}`)})
		w.Metas = append(w.Metas, resource.Meta{
			CurrentRevisionID: info.RevisionID, ResourceID: id, TotalRevisionCount: 1,
			CreatedTime: at, UpdatedTime: at, CreatedBy: "ann", UpdatedBy: "ann", Rev: resource.RevMetaOf(info),
		})
	}
	err = f.Unit().Update(t.Context(), storage.Batch{Refs: refs}, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: map[string]storage.ModelWrites{model: w}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDumpOfOneModelAsksForNothingElse counts what a dump asks a bucket for in which
// other models have as much: the entries by listings of the model alone, and each object
// once.
func TestDumpOfOneModelAsksForNothingElse(t *testing.T) {
	const resources = 300
	f, store, requests := openAsked(t)
	for _, model := range []string{"perso", "person", "persons"} {
		fillModel(t, f, store.Blobs(), model, resources)
	}
	requests.forget()
	stats, err := manager.NewCatalog(f, store.Blobs(), manager.Options{}).DumpTo(t.Context(), io.Discard, manager.DumpOptions{Models: []string{"person"}})
	if err != nil || stats.Models["person"].Revisions != resources || stats.Models["person"].Blobs != 1 {
		t.Fatalf("the dump is %+v, %v", stats, err)
	}
	const model = "person/data/resources/"
	for _, prefix := range requests.listed {
		if !strings.HasPrefix(prefix, model+"resource/") {
			t.Errorf("it lists %q", prefix)
		}
	}
	if len(requests.listed) > 3 {
		t.Errorf("it lists %d times, of %d entries: %q", len(requests.listed), resources, requests.listed)
	}
	// A uid, data and info of each revision; the blob.
	if n := len(requests.requests); n > 3*resources+2 {
		t.Errorf("it asks for %d objects of %d revisions and a blob", n, resources)
	}
	for what, times := range requests.requests {
		_, key, _ := strings.Cut(what, " ")
		if times != 1 || !strings.HasPrefix(key, model) && !strings.HasPrefix(key, "blobs/") {
			t.Errorf("it asks %d times for %q", times, what)
		}
	}
}

// TestBackfillListsNothing counts what is to be filled, and fills it: the metas say where the
// revisions are.
func TestBackfillListsNothing(t *testing.T) {
	const resources = 20
	f, store, requests := openAsked(t)
	fillModel(t, f, store.Blobs(), "person", resources)
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	var bare []resource.Meta
	for meta, err := range stores.Metas.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		meta.Rev = resource.RevMeta{}
		bare = append(bare, meta)
	}
	if err := stores.Metas.SaveMany(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	person, err := manager.NewCatalog(f, store.Blobs(), manager.Options{}).Open(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	requests.forget()
	if stats, err := person.MetaStats(t.Context()); err != nil || stats.UnsetRev != resources {
		t.Fatalf("the metas are %+v, %v", stats, err)
	}
	if stats, err := person.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{}); err != nil || stats.Updated != resources {
		t.Fatalf("the backfill is %+v, %v", stats, err)
	}
	if len(requests.listed) > 0 {
		t.Errorf("it lists %q", requests.listed)
	}
}
