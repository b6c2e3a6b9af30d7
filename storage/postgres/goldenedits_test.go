package postgres_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

func putBlob(t *testing.T, blobs storage.BlobStore, id, contentType string, data []byte) {
	t.Helper()
	o := storage.PutOptions{Key: id}
	if contentType != "" {
		o.ContentType = opt.Of(contentType)
	}
	if _, err := blobs.Put(t.Context(), bytes.NewReader(data), o); err != nil {
		t.Fatal(err)
	}
}

// goldenStart is when the golden databases begin.
var goldenStart = time.Date(2024, 3, 1, 8, 0, 0, 123456000, time.UTC)

// checkQuery compares the answer of a store with that of package qb over all metas.
func checkQuery(t *testing.T, metas storage.MetaReader, q qb.Query) {
	t.Helper()
	idsOf := func(from func(yield func(resource.Meta, error) bool)) (ids []resource.ID) {
		for meta, err := range from {
			if err != nil {
				t.Fatalf("%v: %v", q, err)
			}
			ids = append(ids, meta.ResourceID)
		}
		return ids
	}
	want := idsOf(qb.Select(metas.All(t.Context()), q))
	if got := idsOf(metas.Search(t.Context(), q)); !slices.Equal(got, want) {
		t.Errorf("%v: %v, want %v", q, got, want)
	}
	q.Limit, q.Offset = opt.Value[int]{}, 0
	want = idsOf(qb.Select(metas.All(t.Context()), q))
	if n, err := metas.Count(t.Context(), q); err != nil || n != int64(len(want)) {
		t.Errorf("%v: %d (%v), want %d", q, n, err, len(want))
	}
}

func checkGoldenQueries(t *testing.T, f storage.Factory) {
	t.Helper()
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	at := goldenStart.Add(13 * time.Minute)
	for _, q := range []qb.Query{
		{},
		qb.Where(qb.Data("age").Gt(30)).OrderBy(qb.Data("name").Desc()),
		qb.Where(qb.Data("tags").Contains("b")),
		qb.Where(qb.Data("address.city").Eq("London")),
		qb.Where(qb.RevStatus().Eq(resource.Draft)),
		qb.Where(qb.CreatedTime().Eq(at)),
		qb.Where(qb.UpdatedTime().Gte(at)).OrderBy(qb.UpdatedTime().Desc()),
		qb.Where(qb.RevCreatedTime().Lt(at), qb.IsDeleted().Eq(false)),
		qb.Where(qb.UpdatedBy().In("bob", "dave")),
		qb.Where(qb.TotalRevisionCount().Gt(1)),
	} {
		checkQuery(t, stores.Metas, q)
	}
}

// goldenApp is the original over the database of a test.
func goldenApp(t *testing.T, p *pypeer.Peer, dsn, blobs string) *pypeer.App {
	t.Helper()
	return p.MustNew(t, pypeer.Config{Models: pypeer.Small, Store: pypeer.Store{Kind: "postgres", DSN: dsn, Dir: blobs, Encoding: resource.Msgpack}})
}

// save does operations on a model, all of which must take effect.
func save(t *testing.T, c *manager.Catalog, model string, ops ...manager.Operation) {
	t.Helper()
	m, err := c.Open(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ops {
		ops[i].User, ops[i].Time = "go", time.Date(2025, 1, 2, 3, 4, 5, 678901000, time.UTC)
	}
	outcomes, err := m.SaveMany(t.Context(), ops)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Effect == manager.EffectRefused || o.Effect == manager.EffectUnchanged {
			t.Fatalf("%s: %+v", model, o)
		}
	}
}

// editGolden writes to the golden database in every way that leaves something new.
func editGolden(t *testing.T, c *manager.Catalog) {
	t.Helper()
	person := func(name string, age int) []byte {
		return fmt.Appendf(nil, `{"name":%q,"age":%d,"email":null,"tags":["x"],"address":null,"born":null,"scores":{},"level":"low"}`, name, age)
	}
	save(
		t, c, "person",
		manager.Operation{Op: manager.OpUpdate, ResourceID: "person:p1", Data: person("Ada", 40)},
		manager.Operation{Op: manager.OpUpdate, ResourceID: "person:p2", Data: person("Bruce", 41), Status: opt.Of(resource.Draft)},
		manager.Operation{Op: manager.OpModify, ResourceID: "person:p2", Data: person("Bruce L", 42)},
		manager.Operation{Op: manager.OpDelete, ResourceID: "person:p6"},
		manager.Operation{Op: manager.OpCreate, ResourceID: "person:go", Data: person("Go", 15)},
		manager.Operation{Op: manager.OpSwitch, ResourceID: "person:p7", RevisionID: "person:p7:1"},
	)
	save(t, c, "document", manager.Operation{Op: manager.OpDelete, ResourceID: "document:d3"})
	save(t, c, "sales-order", manager.Operation{Op: manager.OpDelete, ResourceID: "sales-order:1"})
}

func TestWritesToAGoldenDatabaseAreReadByTheOriginal(t *testing.T) {
	dsn, dir := goldenDatabase(t), t.TempDir()
	blobs := goldenBlobsIn(t, dir)
	f := openStore(t, postgres.Config{DSN: dsn, Blobs: blobs})
	editGolden(t, manager.NewCatalog(f, blobs, manager.Options{}))
	app := goldenApp(t, pypeer.Start(t), dsn, dir)
	checkSameState(t, app, f, blobs)
	for model, want := range map[string]int{"person": 9, "document": 3, "sales-order": 2} {
		if n, err := app.Check(model); err != nil || n != want {
			t.Errorf("the original checks %d of %s (%v), want %d", n, model, err, want)
		}
	}
	if n, err := app.UpdateAll("person", 7); err != nil || n < 6 {
		t.Fatalf("the original updates %d: %v", n, err)
	}
	checkSameState(t, app, f, blobs)
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	checkQuery(t, stores.Metas, qb.Where(qb.RevUpdatedBy().Eq("go")))
}

// checkSameState reports where the original and a store of ours hold different data.
// Blobs are those that the original knows of.
func checkSameState(t *testing.T, app *pypeer.App, f storage.Factory, blobs storage.BlobStore) {
	t.Helper()
	ours, err := pypeer.StateOf(t.Context(), f, blobs)
	if err != nil {
		t.Fatal(err)
	}
	theirs := app.MustState(t)
	for key := range theirs {
		if len(key) > 4 && key[:5] == "blob\t" && ours[key] == nil {
			delete(theirs, key) // of models that were not written to here
		}
	}
	if len(ours) < 40 {
		t.Errorf("only %d things are there", len(ours))
	}
	if diff := theirs.Diff(ours); diff != "" {
		t.Errorf("the original and we differ:\n%s", diff)
	}
}
