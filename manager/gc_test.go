package manager_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// withoutBlobs returns the records of an archive but for some blobs.
func withoutBlobs(t *testing.T, b []byte, ids ...string) []archive.Record {
	t.Helper()
	return slices.DeleteFunc(records(t, b), func(r archive.Record) bool {
		blob, ok := r.(archive.Blob)
		return ok && slices.Contains(ids, blob.FileID)
	})
}

func TestGarbageOfAGoldenArchiveIsFoundExactly(t *testing.T) {
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		s := open()
		s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{})
		loaded := s.remembered(t, "document")
		if len(loaded) != 3 {
			t.Fatalf("the archive has %d blobs, want 3", len(loaded))
		}
		log, err := s.blobs.Put(t.Context(), strings.NewReader("log"), storage.PutOptions{Key: "__job_log__/document:1"})
		if err != nil {
			t.Fatal(err)
		}
		upload := putBlob(t, s.store, "uploaded and never referred to")
		s.clock.pass(48 * time.Hour)
		fresh := putBlob(t, s.store, "uploaded just now")
		before := s.dumpAll(t)

		// Only what was uploaded long ago is garbage.
		r := s.collect(t, manager.GCOptions{DryRun: true})
		if !slices.Equal(r.FileIDs, []string{upload}) || r.Candidates != 1 || r.Removed != 0 || r.Bytes != 30 || !r.DryRun {
			t.Errorf("the dry run reports %+v", r)
		}
		s.wantBlobs(t, append(loaded, log.FileID, upload, fresh)...)
		r = s.collect(t, manager.GCOptions{})
		if !slices.Equal(r.FileIDs, []string{upload}) || r.Candidates != 1 || r.Removed != 1 || r.Bytes != 30 || r.DryRun {
			t.Errorf("the collection reports %+v", r)
		}
		if string(s.dumpAll(t)) != string(before) {
			t.Error("the dump changed")
		}

		// Every document goes: their blobs are garbage, and forgotten with it.
		for _, id := range ids(t, s.store, "document") {
			s.purge(t, "document", id)
		}
		before = s.dumpAll(t)
		r = s.collect(t, manager.GCOptions{})
		if !slices.Equal(r.FileIDs, loaded) || r.Removed != 3 || r.Blobs.Removed != 3 || r.Bytes != 773 {
			t.Errorf("the collection reports %+v", r)
		}
		s.wantBlobs(t, log.FileID, fresh)
		if left := s.remembered(t, "document"); left != nil {
			t.Errorf("document remembers %q", left)
		}
		if diff := cmp.Diff(string(encodeArchive(t, withoutBlobs(t, before, loaded...))), string(s.dumpAll(t))); diff != "" {
			t.Errorf("the dump changed by more than the blobs: %s", diff)
		}
		if r = s.collect(t, manager.GCOptions{}); r.Candidates != 0 {
			t.Errorf("a second collection reports %+v", r)
		}
		s.sound(t)
	})
}

func TestGarbageOfAnOverwrite(t *testing.T) {
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		s := open()
		first, second := blobOf([]byte("first")), blobOf([]byte("second"))
		of := func(b archive.Blob) []byte {
			meta, rev := simple("doc:1", string(reference(b.FileID)))
			return encodeArchive(t, []archive.Record{
				archive.Header{Version: archive.Version},
				archive.ModelStart{Model: "doc"},
				archive.Meta{Meta: meta},
				archive.Revision{Revision: rev},
				b,
				archive.ModelEnd{Model: "doc"},
				archive.EOF{},
			})
		}
		s.load(t, of(first), manager.LoadOptions{})
		s.load(t, of(second), manager.LoadOptions{OnDuplicate: manager.Overwrite})
		s.clock.pass(48 * time.Hour)
		if r := s.collect(t, manager.GCOptions{}); !slices.Equal(r.FileIDs, []string{first.FileID}) || r.Removed != 1 {
			t.Errorf("the collection reports %+v", r)
		}
		if string(s.dumpAll(t)) != string(of(second)) {
			t.Error("the dump is not that of what was loaded last")
		}
		s.sound(t)
	})
}

func TestGarbageOfModifyAndPurge(t *testing.T) {
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		s := open()
		doc := s.declare(t, "doc")
		drafted, modified, purged, kept := putBlob(t, s.store, "drafted"), putBlob(t, s.store, "modified"), putBlob(t, s.store, "purged"), putBlob(t, s.store, "kept")
		draft := manager.Operation{ResourceID: "doc:1", User: "ann", Status: opt.Of(resource.Draft), Data: reference(drafted)}
		if _, err := doc.Create(t.Context(), draft); err != nil {
			t.Fatal(err)
		}
		s.refer(t, doc, "doc:2", purged, kept)
		s.refer(t, doc, "doc:3", kept)
		draft.Data = reference(modified)
		if _, err := doc.Modify(t.Context(), draft); err != nil {
			t.Fatal(err)
		}
		if _, err := doc.Purge(t.Context(), manager.Operation{ResourceID: "doc:2", User: "ann"}); err != nil {
			t.Fatal(err)
		}
		s.clock.pass(48 * time.Hour)
		want := slices.Sorted(slices.Values([]string{drafted, purged}))
		if r := s.collect(t, manager.GCOptions{}); !slices.Equal(r.FileIDs, want) || r.Removed != 2 {
			t.Errorf("the collection reports %+v, want %q", r, want)
		}
		s.wantBlobs(t, modified, kept)
		if left := s.remembered(t, "doc"); !slices.Equal(left, slices.Sorted(slices.Values([]string{modified, kept}))) {
			t.Errorf("doc remembers %q", left)
		}
		s.sound(t)
	})
}

// TestWhatProtectsABlob has one blob for each kind of reference, and one without.
func TestWhatProtectsABlob(t *testing.T) {
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		s := open()
		doc, other := s.declare(t, "doc"), s.declare(t, "other")
		want := map[string]string{}
		blob := func(name string) string {
			want[name] = putBlob(t, s.store, name)
			return want[name]
		}
		save := func(m *manager.Manager, id, data string) {
			t.Helper()
			if _, err := m.Upsert(t.Context(), manager.Operation{ResourceID: resource.ID(id), User: "ann", Data: []byte(data)}); err != nil {
				t.Fatal(err)
			}
		}
		s.refer(t, doc, "doc:1", blob("an old revision"))
		s.refer(t, doc, "doc:1", blob("the current revision"))
		s.refer(t, other, "other:1", blob("another model"))
		s.refer(t, doc, "doc:2", blob("a deleted resource"))
		if _, err := doc.Delete(t.Context(), manager.Operation{ResourceID: "doc:2", User: "ann"}); err != nil {
			t.Fatal(err)
		}
		save(doc, "doc:3", `{"url":"https://example.org/blobs/`+blob("a path of an URL")+`?download=1"}`)
		save(doc, "doc:4", `{"`+blob("a key")+`":true}`)
		save(doc, "doc:5", `{"id":"`+strings.ToUpper(blob("upper case"))+`"}`)
		s.saveRevision(t, "doc", schemaRevision("doc:1", "2", reference(blob("a schema version"))))
		s.saveRevision(t, "doc", schemaRevision("doc:6", "1", reference(blob("a revision without a meta"))))
		_, claim, err := s.factory.Ledger().Claim(t.Context(), storage.Job{ID: uuid.New(), Kind: "load", Created: s.clock.at}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		meta, rev := simple("doc:7", string(reference(blob("a staged load"))))
		if err := s.factory.Unit().Stage(t.Context(), storage.Staged{
			Chunk:  storage.ChunkRef{Claim: claim},
			Models: map[string]storage.ModelWrites{"doc": {Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev}}},
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.factory.Ledger().Finish(t.Context(), claim, storage.Final{State: storage.JobDead}); err != nil {
			t.Fatal(err)
		}
		s.insertJob(t, storage.JobDead, `{"data":`+string(reference(blob("an envelope of a dead job")))+`}`)
		hooked, queued := blob("a job's hook"), blob("a message in a queue")
		putBlob(t, s.store, "nothing")
		s.clock.pass(48 * time.Hour)

		r := s.collect(t, manager.GCOptions{
			JobReferences: func(_ context.Context, _ storage.Job, mark func([]byte)) error { mark(reference(hooked)); return nil },
			References:    func(_ context.Context, mark func([]byte)) error { mark(reference(queued)); return nil },
		})
		if r.Blobs.Removed != 1 || r.Blobs.Candidates != 1 {
			t.Errorf("the collection reports %+v", r)
		}
		for name, id := range want {
			if _, err := s.blobs.Stat(t.Context(), id); err != nil {
				t.Errorf("the blob of %s is gone: %v", name, err)
			}
		}
	})
}

func TestVerifyNotesGarbage(t *testing.T) {
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		s := open()
		s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{})
		s.clock.pass(48 * time.Hour)
		before, err := s.Verify(t.Context())
		if err != nil || !before.OK {
			t.Fatalf("%+v, %v", before, err)
		}
		if slices.ContainsFunc(before.Notes, func(p manager.Problem) bool { return p.Code == manager.CodeBlobUnused }) {
			t.Errorf("a store without garbage has the notes %+v", before.Notes)
		}
		for _, id := range ids(t, s.store, "document") {
			s.purge(t, "document", id)
		}
		_, orphan := simple("person:orphan", `{"n":1}`)
		s.saveRevision(t, "person", orphan)
		f, err := s.Verify(t.Context())
		if err != nil || !f.OK {
			t.Fatalf("%+v, %v", f, err)
		}
		codes := map[manager.Code]string{}
		for _, n := range f.Notes {
			codes[n.Code] = n.Message
		}
		if !strings.HasPrefix(codes[manager.CodeBlobUnused], "3 blobs") || !strings.Contains(codes[manager.CodeBlobUnused], "773 bytes") {
			t.Errorf("the notes are %+v", f.Notes)
		}
		if !strings.HasPrefix(codes[manager.CodeOrphan], "1 revisions") {
			t.Errorf("the notes are %+v", f.Notes)
		}
	})
}
