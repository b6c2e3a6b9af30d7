package manager_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// brokenBlobs cannot read one blob, though it is there.
type brokenBlobs struct {
	storage.BlobStore
	id string
}

var errBadDisk = errors.New("bad disk")

func (b brokenBlobs) Open(ctx context.Context, id string) (io.ReadCloser, storage.BlobInfo, error) {
	if id == b.id {
		return nil, storage.BlobInfo{}, errBadDisk
	}
	return b.BlobStore.Open(ctx, id)
}

// TestADumpSaysWhichBlobsItLacks: a blob that is nowhere is counted and named, one
// that cannot be read ends the dump.
func TestADumpSaysWhichBlobsItLacks(t *testing.T) {
	const absent = "0123456789abcdef0123456789abcdef"
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		there := putBlob(t, s, "hello")
		meta, rev := simple("doc:a", fmt.Sprintf(`{"x":{"file_id":%q,"size":5},"y":{"file_id":%q,"size":1}}`, there, absent))
		records := manager.Records{Model: "doc", Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev}}
		if _, err := s.LoadRecordsBulk(t.Context(), records, manager.RaiseError); err != nil {
			t.Fatal(err)
		}
		_, stats := s.dump(t, manager.DumpOptions{})
		if stats.Models["doc"].Blobs != 1 || stats.MissingBlobs != 1 || len(stats.Warnings) != 1 ||
			stats.Warnings[0].Code != manager.CodeBlobMissing || stats.Warnings[0].ResourceID != "doc:a" || !strings.Contains(stats.Warnings[0].Message, absent) {
			t.Errorf("stats %+v", stats)
		}
		broken := manager.NewCatalog(s.factory, brokenBlobs{s.blobs, there}, manager.Options{})
		if _, err := broken.DumpTo(t.Context(), &bytes.Buffer{}, manager.DumpOptions{}); !errors.Is(err, errBadDisk) {
			t.Errorf("a dump without a blob that is there gave %v", err)
		}
	})
}

// TestSkippedRecordsLeaveTheRevisionsAlone: what is skipped keeps its meta and all
// of its revisions, also where the records bring others under the same ids.
func TestSkippedRecordsLeaveTheRevisionsAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, doc)
		if _, err := m.Create(t.Context(), op("", "doc:a", `{"n":1}`, "ann", 0)); err != nil {
			t.Fatal(err)
		}
		before := s.dumpAll(t)
		meta, rev := simple("doc:a", `{"n":99}`)
		_, second := simple("doc:a", `{"n":98}`)
		second.Info.RevisionID = "doc:a:2"
		stats, err := s.LoadRecordsBulk(t.Context(), manager.Records{
			Model: "doc", Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev, second},
		}, manager.Skip)
		if err != nil || stats.Skipped != 1 || stats.Loaded != 0 || stats.Revisions != 0 {
			t.Errorf("%+v, %v", stats, err)
		}
		if !bytes.Equal(s.dumpAll(t), before) {
			t.Error("the skipped resource changed")
		}
	})
}

// TestIDsThatEscapeAreRefused: a new resource has an id that every store can hold;
// what exists keeps its own.
func TestIDsThatEscapeAreRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, doc)
		for _, id := range []resource.ID{"a/b", "..", "../x", "a..b", "a\\b", "a b", ".", "a\x00b", resource.ID(strings.Repeat("x", 256))} {
			_, err := m.Create(t.Context(), op("", id, `{}`, "ann", 0))
			if code, _ := manager.CodeOf(err); code != manager.CodeInvalid {
				t.Errorf("create of %q: %v", id, err)
			}
		}
		meta, rev := simple("../a b", `{}`)
		old := manager.Records{Model: "doc", Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev}}
		if _, err := s.LoadRecordsBulk(t.Context(), old, manager.RaiseError); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Update(t.Context(), op("", "../a b", `{"n":1}`, "ann", 1)); err != nil {
			t.Errorf("update of what exists: %v", err)
		}
		if diff := cmp.Diff([]resource.ID{"../a b"}, ids(t, s, "doc")); diff != "" {
			t.Error(diff)
		}
	})
}

// heapWriter forgets what it is given, and every megabyte looks how large the
// heap is.
type heapWriter struct{ written, looked, most uint64 }

func (w *heapWriter) Write(b []byte) (int, error) {
	if w.written += uint64(len(b)); w.written-w.looked > 1<<20 {
		w.looked = w.written
		w.most = max(w.most, heap())
	}
	return len(b), nil
}

// heap is how many bytes are in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestADumpNeedsLittleMemory dumps 144 MB from disk. What is read ahead is bounded,
// whatever the size of the model.
func TestADumpNeedsLittleMemory(t *testing.T) {
	s := openSQLite(t)
	m := declare(t, s, doc)
	text := strings.Repeat("x", 600_000)
	for part := range 12 {
		var ops []manager.Operation
		for i := range 20 {
			ops = append(ops, op(manager.OpCreate, numbered(20*part+i), fmt.Sprintf(`{"n":%d,"text":%q}`, i, text), "ann", i))
		}
		if _, err := m.SaveMany(t.Context(), ops); err != nil {
			t.Fatal(err)
		}
	}
	before := heap()
	w := &heapWriter{}
	if _, err := s.DumpTo(t.Context(), w, manager.DumpOptions{}); err != nil {
		t.Fatal(err)
	}
	if w.written < 144_000_000 || w.looked == 0 {
		t.Fatalf("only %d bytes were dumped", w.written)
	}
	if w.most > before+64<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, w.most)
	}
}

// TestWhatChangesNothingWritesNothing: the meta stays as it is, its times and the
// fields of a row that is not backfilled included.
func TestWhatChangesNothingWritesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		stores := halfFilled(t, s)
		m := s.open(t, "doc")
		before, err := stores.Metas.Get(t.Context(), "doc:none")
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []manager.Operation{
			op(manager.OpUpdate, "doc:none", `{}`, "bob", 9),
			op(manager.OpRestore, "doc:none", "", "bob", 9),
			switchTo("doc:none", 1, "bob", 9),
		} {
			out, err := m.SaveMany(t.Context(), []manager.Operation{o})
			if err != nil || out[0].Effect != manager.EffectUnchanged {
				t.Errorf("%s: %+v, %v", o.Op, out, err)
			}
		}
		after, err := stores.Metas.Get(t.Context(), "doc:none")
		if err != nil || !bytes.Equal(before.Append(resource.JSON, nil), after.Append(resource.JSON, nil)) {
			t.Errorf("%+v became %+v, %v", before, after, err)
		}
		// A delete and a restore leave the fields unset, a new revision sets them.
		for _, o := range []manager.Operation{op(manager.OpDelete, "doc:none", "", "bob", 10), op(manager.OpRestore, "doc:none", "", "bob", 11)} {
			if _, err := m.SaveMany(t.Context(), []manager.Operation{o}); err != nil {
				t.Fatal(err)
			}
			if meta, err := stores.Metas.Get(t.Context(), "doc:none"); err != nil || meta.Rev != (resource.RevMeta{}) {
				t.Errorf("after a %s: %+v, %v", o.Op, meta.Rev, err)
			}
		}
		if _, err := m.Update(t.Context(), op("", "doc:none", `{"n":1}`, "bob", 12)); err != nil {
			t.Fatal(err)
		}
		if meta, err := stores.Metas.Get(t.Context(), "doc:none"); err != nil || !meta.Rev.Complete() || meta.Rev.CreatedBy.Or("") != "bob" {
			t.Errorf("after an update: %+v, %v", meta.Rev, err)
		}
	})
}

// TestOtherGoroutinesSeeTheRows: other goroutines see what was written at once.
func TestOtherGoroutinesSeeTheRows(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		m := declare(t, open(t), doc)
		if _, err := m.Create(t.Context(), op("", "doc:a", `{"n":1}`, "ann", 0)); err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 20)
		for range cap(errs) {
			go func() {
				_, err := m.Get(t.Context(), "doc:a", manager.GetOptions{})
				errs <- err
			}()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestGetOfARevision: a revision that is not the current one, of a deleted resource
// only on request.
func TestGetOfARevision(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		m := declare(t, open(t), doc)
		for _, o := range []manager.Operation{
			op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 0), op(manager.OpUpdate, "doc:a", `{"n":2}`, "bob", 1), op(manager.OpDelete, "doc:a", "", "cyn", 2),
		} {
			if _, err := m.SaveMany(t.Context(), []manager.Operation{o}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Get(t.Context(), "doc:a", manager.GetOptions{Revision: "doc:a:1"}); codeOf(err) != manager.CodeDeleted {
			t.Errorf("of a deleted resource: %v", err)
		}
		r, err := m.Get(t.Context(), "doc:a", manager.GetOptions{Revision: "doc:a:1", IncludeDeleted: true})
		if err != nil || string(r.Data) != `{"n":1}` || r.Info.CreatedBy != "ann" || !r.Meta.IsDeleted {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := m.Get(t.Context(), "doc:a", manager.GetOptions{Revision: "doc:a:3", IncludeDeleted: true}); codeOf(err) != manager.CodeNotFound {
			t.Errorf("a revision that is nowhere: %v", err)
		}
		var numbers []resource.RevisionID
		for info, err := range m.Revisions(t.Context(), "doc:a") {
			if err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, info.RevisionID)
		}
		if !slices.Equal(numbers, []resource.RevisionID{"doc:a:1", "doc:a:2"}) {
			t.Errorf("revisions %v", numbers)
		}
		if meta, err := m.GetMeta(t.Context(), "doc:a"); err != nil || meta.UpdatedTime != epoch.Add(2*time.Minute) {
			t.Errorf("%+v, %v", meta, err)
		}
	})
}

func codeOf(err error) manager.Code {
	code, _ := manager.CodeOf(err)
	return code
}
