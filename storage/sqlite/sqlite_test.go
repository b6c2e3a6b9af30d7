package sqlite

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// epoch is the time of the first test resource.
var epoch = time.Date(2024, 3, 1, 8, 0, 0, 123456000, time.UTC)

const model = "person"

func open(tb testing.TB, c Config) *Factory {
	tb.Helper()
	f, err := Open(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := f.Close(); err != nil {
			tb.Error(err)
		}
	})
	return f
}

// openModel opens a new store with one model.
func openModel(tb testing.TB, c Config) *Factory {
	tb.Helper()
	if c.Dir == "" {
		c.Dir = tb.TempDir()
	}
	f := open(tb, c)
	if err := f.SaveModel(context.Background(), storage.ModelInfo{Name: model, Encoding: resource.JSON}); err != nil {
		tb.Fatal(err)
	}
	return f
}

// made is a resource with its first revision.
type made struct {
	meta     resource.Meta
	revision resource.Revision
}

// newResource returns the n-th test resource with a payload of about size bytes.
func newResource(n, size int) made {
	id := resource.ID(fmt.Sprintf("%s:%08d", model, n))
	at := epoch.Add(time.Duration(n) * time.Second)
	data := fmt.Appendf(nil, `{"name":"n%d","text":"%0*d"}`, n, size, n)
	info := resource.RevisionInfo{
		UID:         uuid.NewSHA1(uuid.NameSpaceOID, []byte(id)),
		ResourceID:  id,
		RevisionID:  id.Revision(1),
		DataHash:    opt.Of(resource.DataHash(data)),
		Status:      resource.Stable,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "ann", UpdatedBy: "ann",
	}
	indexed, err := resource.NewIndexed(map[string]any{"name": fmt.Sprintf("n%d", n), "n": int64(n), "label": "x"})
	if err != nil {
		panic(err) // a fixed shape
	}
	return made{
		meta: resource.Meta{
			CurrentRevisionID: info.RevisionID, ResourceID: id, TotalRevisionCount: 1,
			CreatedTime: at, UpdatedTime: at, CreatedBy: "ann", UpdatedBy: "ann",
			IndexedData: opt.Of(indexed), Rev: resource.RevMetaOf(info),
		},
		revision: resource.Revision{Info: info, Data: data},
	}
}

// writesOf returns the writes that make resources, and their refs.
func writesOf(list []made) (storage.ModelWrites, []storage.Ref) {
	var w storage.ModelWrites
	refs := make([]storage.Ref, len(list))
	for i, m := range list {
		w.Metas = append(w.Metas, m.meta)
		w.Revisions = append(w.Revisions, m.revision)
		refs[i] = storage.Ref{Model: model, ID: m.meta.ResourceID}
	}
	return w, refs
}

func newResources(from, n, size int) []made {
	list := make([]made, n)
	for i := range list {
		list[i] = newResource(from+i, size)
	}
	return list
}

// update makes resources in one unit of work.
func update(tb testing.TB, f *Factory, list []made) {
	tb.Helper()
	w, refs := writesOf(list)
	err := f.Unit().Update(context.Background(), storage.Batch{Refs: refs}, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: map[string]storage.ModelWrites{model: w}}, nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// build returns the stores of the test model.
func build(tb testing.TB, f *Factory) storage.Stores {
	tb.Helper()
	s, err := f.Build(context.Background(), model)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// count returns the number in the first column of a query.
func count(tb testing.TB, f *Factory, query string) int {
	tb.Helper()
	var n int
	if err := f.reads.QueryRowContext(context.Background(), query).Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestReopenKeepsEverything(t *testing.T) {
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		t.Run(string(enc), func(t *testing.T) {
			dir := t.TempDir()
			f := openModel(t, Config{Dir: dir, Encoding: enc})
			want := newResources(0, 3, 40)
			update(t, f, want)
			id := f.ID()
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}

			f = open(t, Config{Dir: dir})
			if f.ID() != id {
				t.Errorf("id is %s after reopening, was %s", f.ID(), id)
			}
			s := build(t, f)
			for _, w := range want {
				meta, err := s.Metas.Get(t.Context(), w.meta.ResourceID)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(w.meta.Append(enc, nil)), string(meta.Append(enc, nil))); diff != "" {
					t.Error(diff)
				}
				rev, err := s.Revisions.Get(t.Context(), w.revision.Info.Key())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(render(w.revision, enc), render(rev, enc)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// TestReopenKeepsUnsetIndexedData: a row without indexed data has none after
// reopening and writing it again, not an empty one.
func TestReopenKeepsUnsetIndexedData(t *testing.T) {
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		t.Run(string(enc), func(t *testing.T) {
			dir := t.TempDir()
			want := newResource(0, 40)
			want.meta.IndexedData = opt.Value[resource.Indexed]{}
			f := openModel(t, Config{Dir: dir, Encoding: enc})
			update(t, f, []made{want})
			for range 2 {
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				f = open(t, Config{Dir: dir})
				got, err := build(t, f).Metas.Get(t.Context(), want.meta.ResourceID)
				if err != nil {
					t.Fatal(err)
				}
				if got.IndexedData.IsSet() {
					t.Fatalf("indexed data are %v", got.IndexedData)
				}
				if err := build(t, f).Metas.SaveMany(t.Context(), []resource.Meta{got}); err != nil {
					t.Fatal(err)
				}
			}
			table := build(t, f).Metas.(metaStore).t.meta
			if n := count(t, f, `SELECT count(*) FROM `+table+` WHERE indexed_data IS NULL`); n != 1 {
				t.Errorf("%d rows have no indexed data, want 1", n)
			}
		})
	}
}

// render returns all of a revision as text.
func render(r resource.Revision, enc resource.Encoding) string {
	return string(r.Info.Append(enc, nil)) + " " + string(r.Data)
}
