package postgres_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/canon"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/diskblob"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/postgres"
)

// goldenModel is a model as the golden files tell it.
type goldenModel struct {
	Encoding  resource.Encoding
	Resources []struct {
		Meta      map[string]any
		Revisions []struct {
			Info map[string]any
			Raw  []byte `json:"raw_b64"`
		}
	}
}

type goldenStore struct{ Models map[string]goldenModel }

func goldenExpected(t *testing.T) goldenStore {
	t.Helper()
	return decoded[goldenStore](t, "testdata/pg_golden.expected.json")
}

// state is a resource, comparable.
type state struct {
	Meta      map[string]any
	Revisions map[string]revision
}

type revision struct {
	Info map[string]any
	Data string
}

func (m goldenModel) state(t *testing.T) map[string]state {
	t.Helper()
	out := map[string]state{}
	for _, r := range m.Resources {
		s := state{Meta: canon.Of(t, r.Meta), Revisions: map[string]revision{}}
		for _, rev := range r.Revisions {
			s.Revisions[rev.Info["revision_id"].(string)] = revision{canon.Of(t, rev.Info), string(rev.Raw)}
		}
		out[r.Meta["resource_id"].(string)] = s
	}
	return out
}

// stateOf reads a model of a store; metas must come by ascending id.
func stateOf(t *testing.T, f storage.Factory, model string) map[string]state {
	t.Helper()
	stores, err := f.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]state{}
	var ids []resource.ID
	for meta, err := range stores.Metas.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, meta.ResourceID)
		out[string(meta.ResourceID)] = state{Meta: canon.Of(t, meta), Revisions: map[string]revision{}}
	}
	if !slices.IsSorted(ids) {
		t.Errorf("ids of %s are not in order: %v", model, ids)
	}
	for rev, err := range stores.Revisions.DumpAll(t.Context(), slices.Values(ids)) {
		if err != nil {
			t.Fatal(err)
		}
		out[string(rev.Info.ResourceID)].Revisions[string(rev.Info.RevisionID)] = revision{canon.Of(t, rev.Info), string(rev.Data)}
	}
	return out
}

func (g goldenStore) check(t *testing.T, f storage.Factory) {
	t.Helper()
	for name, m := range g.Models {
		if diff := cmp.Diff(m.state(t), stateOf(t, f, name)); diff != "" {
			t.Errorf("model %s (-original +ours):\n%s", name, diff)
		}
	}
}

// goldenInfos are the models of the golden database, as their tables show them.
var goldenInfos = []storage.ModelInfo{
	{Name: "document", Encoding: resource.JSON, IndexedPaths: []string{"title"}},
	{Name: "person", Encoding: resource.JSON, IndexedPaths: []string{"address.city", "age", "level", "name", "tags"}},
	{Name: "sales-order", Encoding: resource.Msgpack, IndexedPaths: []string{"number"}},
}

// checkReads reads the golden database in every way that a store has.
func (g goldenStore) checkReads(t *testing.T, f storage.Factory) {
	t.Helper()
	models, err := f.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(goldenInfos, models, cmp.AllowUnexported(models[0].SchemaVersion)); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}
	g.check(t, f)
	for name, m := range g.Models {
		g.checkStats(t, f, name, m)
	}
	checkGoldenQueries(t, f)
	g.checkDump(t, f)
}

func (g goldenStore) checkStats(t *testing.T, f storage.Factory, name string, m goldenModel) {
	t.Helper()
	want, revisions := storage.Stats{Metas: int64(len(m.Resources))}, int64(0)
	for _, r := range m.Resources {
		revisions += int64(len(r.Revisions))
	}
	stores, err := f.Build(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := stores.Metas.Stats(t.Context()); err != nil || got != want {
		t.Errorf("%s: %+v (%v), want %+v", name, got, err, want)
	}
	if got, err := stores.Revisions.Count(t.Context()); err != nil || got != revisions {
		t.Errorf("%s: %d revisions (%v), want %d", name, got, err, revisions)
	}
}

// checkDump loads an archive of the store elsewhere, where the same must be there.
func (g goldenStore) checkDump(t *testing.T, f storage.Factory) {
	t.Helper()
	g.check(t, loadedElsewhere(t, f))
}

// loadedElsewhere returns a store into which a dump of f was loaded.
func loadedElsewhere(t *testing.T, f storage.Factory) storage.Factory {
	t.Helper()
	var archive bytes.Buffer
	stats, err := manager.NewCatalog(f, goldenBlobs(t), manager.Options{}).DumpTo(t.Context(), &archive, manager.DumpOptions{})
	if err != nil || len(stats.Warnings) > 0 {
		t.Fatalf("dump: %+v, %v", stats.Warnings, err)
	}
	elsewhere := memory.New()
	t.Cleanup(func() { _ = elsewhere.Close() })
	blobs, err := storage.BuildBlobStore(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := manager.NewCatalog(elsewhere, blobs, manager.Options{}).LoadArchive(t.Context(), bytes.NewReader(archive.Bytes()), manager.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	return elsewhere
}

// goldenBlobs are the blobs that the documents of the golden database refer to.
func goldenBlobs(t *testing.T) storage.BlobStore {
	t.Helper()
	return goldenBlobsIn(t, t.TempDir())
}

func goldenBlobsIn(t *testing.T, dir string) storage.BlobStore {
	t.Helper()
	blobs, err := diskblob.Open(t.Context(), diskblob.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	small := decoded[struct {
		Blobs map[string]struct {
			Type string `json:"content_type"`
			Data []byte `json:"data_b64"`
		}
	}](t, "../../manager/testdata/small.expected.json")
	for id, b := range small.Blobs {
		putBlob(t, blobs, id, b.Type, b.Data)
	}
	return blobs
}

func TestGoldenDatabaseIsReadAsItIs(t *testing.T) {
	dsn := goldenDatabase(t)
	conn := connect(t, dsn)
	before := lines(t, conn, catalogue)
	f := openStore(t, postgres.Config{DSN: dsn, ReadOnly: true})
	goldenExpected(t).checkReads(t, f)
	if diff := cmp.Diff(before, lines(t, conn, catalogue)); diff != "" {
		t.Errorf("reading changed the database:\n%s", diff)
	}
}

func TestGoldenDatabaseIsTakenIn(t *testing.T) {
	dsn := goldenDatabase(t)
	conn := connect(t, dsn)
	before, relations := goldenRows(t, conn), lines(t, conn, catalogue)
	goldenExpected(t).checkReads(t, openStore(t, postgres.Config{DSN: dsn}))
	if diff := cmp.Diff(before, goldenRows(t, conn)); diff != "" {
		t.Errorf("rows changed:\n%s", diff)
	}
	after := lines(t, conn, catalogue)
	for _, r := range relations {
		if !slices.Contains(after, r) {
			t.Errorf("%s is no more", r)
		}
	}
	goldenExpected(t).checkReads(t, openStore(t, postgres.Config{DSN: dsn, ReadOnly: true}))
	// The original's names lack the table's, so that only persons have its indexes.
	for _, table := range []string{"person_meta", "document_meta", "sales_order_meta"} {
		if ours := lines(t, conn, `SELECT indexname::text FROM pg_indexes WHERE tablename = $1 AND starts_with(indexname, $1 || '_') AND indexname !~ 'pkey$'`, table); len(ours) != 5 {
			t.Errorf("%s has our indexes %q", table, ours)
		}
	}
}
