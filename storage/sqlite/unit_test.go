package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

const dataRows = `SELECT count(*) FROM person_resource_data`

func TestInPlaceChangesLeaveNoGarbage(t *testing.T) {
	f := openModel(t, Config{})
	m := newResource(1, 10)
	update(t, f, []made{m})
	m.revision.Info.UID = uuid.New()
	m.revision.Data = []byte(`{"name":"changed"}`)
	update(t, f, []made{m})

	got, err := build(t, f).Revisions.Get(t.Context(), m.revision.Info.Key())
	if err != nil || string(got.Data) != string(m.revision.Data) {
		t.Errorf("revision holds %s (%v), want the new payload", got.Data, err)
	}
	if n := count(t, f, dataRows); n != 1 {
		t.Errorf("%d payloads are stored, want 1", n)
	}
}

// A migrated revision may share its uid with the one it was made from; each has
// its bytes to itself.
func TestASharedUIDIsStoredForEachKey(t *testing.T) {
	f := openModel(t, Config{})
	m := newResource(1, 10)
	migrated := m
	migrated.revision.Info.SchemaVersion = opt.Of("2")
	save := func(revisions ...resource.Revision) {
		t.Helper()
		if err := build(t, f).Revisions.SaveMany(t.Context(), revisions); err != nil {
			t.Fatal(err)
		}
	}
	save(m.revision, migrated.revision)
	m.revision.Info.UID = uuid.New()
	save(m.revision)
	if n := count(t, f, dataRows); n != 2 {
		t.Errorf("%d payloads are stored, want one for each key", n)
	}
	migrated.revision.Info.UID = uuid.New()
	save(migrated.revision)
	if n := count(t, f, dataRows); n != 2 {
		t.Errorf("%d payloads are stored, want one for each key", n)
	}
}

func TestRevisionOrder(t *testing.T) {
	f := openModel(t, Config{})
	var revisions []resource.Revision
	var want []string
	id := resource.ID("person:order")
	add := func(rev string, version opt.Value[string]) {
		r := newResource(1, 10).revision
		r.Info.UID, r.Info.ResourceID = uuid.New(), id
		r.Info.RevisionID, r.Info.SchemaVersion = resource.RevisionID(rev), version
		revisions = append(revisions, r)
		want = append(want, rev+"@"+version.String())
	}
	none := opt.Value[string]{}
	add("person:order:1", none)
	add("person:order:2", none)
	add("person:order:2", opt.Of(""))
	add("person:order:2", opt.Of("1"))
	add("person:order:2", opt.Of("__none__"))
	add("person:order:10", none)
	add("person:order:x", none)
	add("person:order:y", none)
	if err := build(t, f).Revisions.SaveMany(t.Context(), revisions); err != nil {
		t.Fatal(err)
	}

	var listed, dumped []string
	text := func(i resource.RevisionInfo) string { return string(i.RevisionID) + "@" + i.SchemaVersion.String() }
	for i, err := range build(t, f).Revisions.List(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, text(i))
	}
	ids := func(yield func(resource.ID) bool) { yield(id) }
	for r, err := range build(t, f).Revisions.DumpAll(t.Context(), ids) {
		if err != nil {
			t.Fatal(err)
		}
		dumped = append(dumped, text(r.Info))
	}
	for what, got := range map[string][]string{"List": listed, "DumpAll": dumped} {
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s gives %v, want %v", what, got, want)
		}
	}
	err := f.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{{Model: model, ID: id}}}, func(v storage.View) (storage.Writes, error) {
		if n := v.NextNumber(storage.Ref{Model: model, ID: id}); n != 11 {
			return storage.Writes{}, fmt.Errorf("next number is %d, want 11", n)
		}
		return storage.Writes{}, nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDumpAllKeepsTheOrderOfIDs(t *testing.T) {
	f := openModel(t, Config{})
	const n = dumpBatch + 7
	update(t, f, newResources(0, n, 10))
	ids := func(yield func(resource.ID) bool) {
		for i := range n {
			if !yield(newResource(n-1-i, 10).meta.ResourceID) {
				return
			}
		}
	}
	i := n
	for r, err := range build(t, f).Revisions.DumpAll(t.Context(), ids) {
		i--
		if err != nil || r.Info.ResourceID != newResource(i, 10).meta.ResourceID {
			t.Fatalf("got %s (%v), want resource %d", r.Info.ResourceID, err, i)
		}
	}
	if i != 0 {
		t.Errorf("%d resources are missing", i)
	}
}

func TestCancelledUnitWritesNothing(t *testing.T) {
	f := openModel(t, Config{})
	w, refs := writesOf(newResources(0, 5, 10))
	ctx, cancel := context.WithCancel(t.Context())
	err := f.Unit().Update(ctx, storage.Batch{Refs: refs}, func(storage.View) (storage.Writes, error) {
		cancel()
		return storage.Writes{Models: map[string]storage.ModelWrites{model: w}}, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
	if n := count(t, f, dataRows); n != 0 {
		t.Errorf("%d payloads are stored, want none", n)
	}
	update(t, f, newResources(0, 5, 10))
}

func TestPanicInComputeFreesTheStore(t *testing.T) {
	f := openModel(t, Config{})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		err := f.Unit().Update(t.Context(), storage.Batch{}, func(storage.View) (storage.Writes, error) { panic("compute") })
		t.Errorf("returned %v", err)
	}()
	update(t, f, newResources(0, 1, 10))
}

func TestFullDiskIsUnavailableAndPasses(t *testing.T) {
	f := openModel(t, Config{})
	update(t, f, newResources(0, 10, 100))
	limit := func(pages string) {
		t.Helper()
		err := f.write.do(t.Context(), "limit", func(x *tx) error {
			_, err := x.w.conn.ExecContext(x.run, `PRAGMA max_page_count = `+pages)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit("60")
	w, refs := writesOf(newResources(100, 2000, 800))
	err := f.Unit().Update(t.Context(), storage.Batch{Refs: refs}, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: map[string]storage.ModelWrites{model: w}}, nil
	})
	if !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "free space") || !strings.Contains(err.Error(), f.path) {
		t.Errorf("error is %v, want storage.ErrUnavailable with the file and the way out", err)
	}
	if n := count(t, f, dataRows); n != 10 {
		t.Errorf("%d payloads are stored, want the 10 from before", n)
	}
	limit("1000000")
	update(t, f, newResources(100, 2000, 800))
	if n := count(t, f, dataRows); n != 2010 {
		t.Errorf("%d payloads are stored, want 2010", n)
	}
}

func TestCloseEndsReads(t *testing.T) {
	f := openModel(t, Config{})
	update(t, f, newResources(0, 1000, 10))
	seen := 0
	var last error
	for _, err := range build(t, f).Metas.All(t.Context()) {
		if last = err; err != nil {
			break
		}
		if seen++; seen == 1 {
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !errors.Is(last, errClosed) {
		t.Errorf("the loop ended with %v after %d metas, want %v", last, seen, errClosed)
	}
}
