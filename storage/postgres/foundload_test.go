package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// archiveOf is an archive of n resources of each model, whose metas index name.
func archiveOf(t *testing.T, n int, models ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := archive.NewWriter(&b)
	write := func(records ...archive.Record) {
		for _, r := range records {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(archive.Header{Version: archive.Version})
	for _, model := range models {
		write(archive.ModelStart{Model: model})
		for i := range n {
			write(archivedResource(t, resource.ID(fmt.Sprintf("%s:%d", model, i)))...)
		}
		write(archive.ModelEnd{Model: model})
	}
	write(archive.EOF{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func archivedResource(t *testing.T, id resource.ID) []archive.Record {
	t.Helper()
	indexed, err := resource.NewIndexed(map[string]any{"name": string(id)})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	data := fmt.Appendf(nil, `{"name":%q}`, id)
	info := resource.RevisionInfo{
		UID: uuid.NewSHA1(uuid.Nil, []byte(id)), ResourceID: id, RevisionID: id.Revision(1), DataHash: opt.Of(resource.DataHash(data)),
		Status: resource.Stable, CreatedTime: at, UpdatedTime: at, CreatedBy: "a", UpdatedBy: "a",
	}
	meta := resource.Meta{
		ResourceID: id, CurrentRevisionID: info.RevisionID, TotalRevisionCount: 1, CreatedTime: at, UpdatedTime: at, CreatedBy: "a", UpdatedBy: "a",
		IndexedData: opt.Of(indexed), Rev: resource.RevMetaOf(info),
	}
	return []archive.Record{archive.Meta{Meta: meta}, archive.Revision{Revision: resource.Revision{Info: info, Data: data}}}
}

// TestALoadMakesItsModelsWithTheirResources: tables and rows are of one transaction,
// beside a model that is there, and a second load meets duplicates.
func TestALoadMakesItsModelsWithTheirResources(t *testing.T) {
	dsn := pgtest.Database(t)
	c := openCatalog(t, dsn)
	if _, err := c.Declare(t.Context(), storage.ModelInfo{Name: "order", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	in := archiveOf(t, 300, "order", "person")
	stats, err := c.LoadArchive(t.Context(), bytes.NewReader(in), manager.LoadOptions{})
	if err != nil || stats["person"].Loaded != 300 || stats["order"].Loaded != 300 {
		t.Fatalf("loaded %+v: %v", stats, err)
	}
	conn := connect(t, dsn)
	for table, together := range map[string]string{"person_meta": "1", "person_resource_data": "1", "person_resource_index": "1", "order_meta": "0"} {
		same := lines(t, conn, `SELECT count(DISTINCT t.xmin::text)::text FROM `+table+` AS t JOIN pg_class AS c ON c.oid = '`+table+`'::regclass AND c.xmin = t.xmin`)
		if same[0] != together {
			t.Errorf("%s rows of %s are of the transaction that made it", same[0], table)
		}
	}
	if _, err := c.LoadArchive(t.Context(), bytes.NewReader(in), manager.LoadOptions{}); !isDuplicate(err) {
		t.Fatalf("the same load again: %v", err)
	}
}

func isDuplicate(err error) bool {
	_, is := errors.AsType[*storage.DuplicateError](err)
	return is
}

func openCatalog(t *testing.T, dsn string) *manager.Catalog {
	t.Helper()
	f, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return manager.NewCatalog(f, nil, manager.Options{})
}

// TestARefusedLoadMakesNoModel: of a load that meets a duplicate in a model that is there
// nothing is left, nor of one that its caller gives up.
func TestARefusedLoadMakesNoModel(t *testing.T) {
	dsn := pgtest.Database(t)
	c := openCatalog(t, dsn)
	if _, err := c.LoadArchive(t.Context(), bytes.NewReader(archiveOf(t, 3, "order")), manager.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.LoadArchive(t.Context(), bytes.NewReader(archiveOf(t, 3, "order", "person")), manager.LoadOptions{}); !isDuplicate(err) {
		t.Fatalf("a load of what is there in part: %v", err)
	}
	conn := connect(t, dsn)
	run(t, conn, `BEGIN; SELECT pg_advisory_xact_lock(8318259989566480754)`) // of who makes tables
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if _, err := c.LoadArchive(ctx, bytes.NewReader(archiveOf(t, 3, "person")), manager.LoadOptions{}); err == nil {
		t.Fatal("a load made tables while another one did")
	}
	run(t, conn, `COMMIT`)
	if left := lines(t, conn, `SELECT relname::text FROM pg_class WHERE relname ~ '^person' UNION ALL SELECT name FROM specstar_models WHERE name <> 'order'`); len(left) > 0 {
		t.Fatalf("left behind: %q", left)
	}
}

// TestALoadAndADeclarationAtTheSameTime: what both know of a new model is kept, whoever
// is first.
func TestALoadAndADeclarationAtTheSameTime(t *testing.T) {
	dsn := pgtest.Database(t)
	c := openCatalog(t, dsn)
	for i := range 8 {
		model := fmt.Sprintf("m%d", i)
		in := archiveOf(t, 200, model)
		var g errgroup.Group
		g.Go(func() error {
			_, err := c.LoadArchive(t.Context(), bytes.NewReader(in), manager.LoadOptions{})
			return err
		})
		g.Go(func() error {
			_, err := c.Declare(t.Context(), storage.ModelInfo{Name: model, IndexedPaths: []string{"team"}})
			return err
		})
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		models, err := c.Models(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(models, func(m storage.ModelInfo) bool { return m.Name == model })
		if at < 0 {
			t.Fatalf("model %s is not there", model)
		}
		if diff := cmp.Diff([]string{"name", "team"}, models[at].IndexedPaths); diff != "" {
			t.Fatal(diff)
		}
	}
}
