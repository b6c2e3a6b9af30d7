package manager_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// noTrace checks that a refused load left nothing but what was there.
func noTrace(t *testing.T, s *store, models, blobs int) {
	t.Helper()
	if got := s.models(t); len(got) != models {
		t.Errorf("the store has %d models, want %d: %+v", len(got), models, got)
	}
	n := 0
	for _, err := range s.blobs.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != blobs {
		t.Errorf("the store has %d blobs, want %d", n, blobs)
	}
}

func TestRefusedRecordsLeaveNoTrace(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		meta, rev := simple("doc:a", `{"n":1}`)
		first := manager.Records{Model: "doc", Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev}}
		if _, err := s.LoadRecordsBulk(t.Context(), first, manager.RaiseError); err != nil {
			t.Fatal(err)
		}
		other, otherRev := simple("doc:b", `{"n":2}`)
		second := manager.Records{
			Model: "doc", Metas: []resource.Meta{other, meta}, Revisions: []resource.Revision{otherRev, rev},
			Blobs: []archive.Blob{blobOf([]byte("content"))},
		}
		_, err := s.LoadRecordsBulk(t.Context(), second, manager.RaiseError)
		if dup, ok := errors.AsType[*storage.DuplicateError](err); !ok || dup.Count != 1 || dup.IDs[0] != "doc:a" {
			t.Fatalf("load of a resource that exists: %v", err)
		}
		noTrace(t, s, 1, 0)

		differs := meta
		differs.UpdatedBy = "bob"
		second.Metas[1] = differs
		if _, err := s.LoadRecordsBulk(t.Context(), second, manager.Newer); err == nil {
			t.Fatal("an ambiguous resource was loaded")
		}
		noTrace(t, s, 1, 0)
	})
}

func TestAStoreWithoutAPlaceForBlobsRefusesThemFirst(t *testing.T) {
	s := openMemory(t)
	c := manager.NewCatalog(s.factory, nil, manager.Options{})
	meta, rev := simple("doc:a", `{"n":1}`)
	b := manager.Records{
		Model: "doc", Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev},
		Blobs: []archive.Blob{blobOf([]byte("content"))},
	}
	_, err := c.LoadRecordsBulk(t.Context(), b, manager.RaiseError)
	if code, _ := manager.CodeOf(err); code != manager.CodeInvalid {
		t.Errorf("records: %v", err)
	}
	_, err = c.LoadArchive(t.Context(), bytes.NewReader(oneDoc(t, "doc", blobOf([]byte("content")))), manager.LoadOptions{})
	if code, _ := manager.CodeOf(err); code != manager.CodeInvalid {
		t.Errorf("archive: %v", err)
	}
	noTrace(t, s, 0, 0)
}

// oneDoc is an archive of one resource, whose payload refers to the blobs.
func oneDoc(t *testing.T, model string, blobs ...archive.Blob) []byte {
	t.Helper()
	return encodeArchive(t, append(append([]archive.Record{archive.Header{Version: 2}}, sectionOf(model, blobs, blobs)...), archive.EOF{}))
}

// sectionOf is a section of one resource that refers to some blobs and holds others.
func sectionOf(model string, refs, blobs []archive.Blob) []archive.Record {
	var binaries []string
	for _, b := range refs {
		binaries = append(binaries, fmt.Sprintf(`{"file_id":%q,"size":%d}`, b.FileID, b.Size))
	}
	meta, rev := simple(resource.ID(model+":a"), `{"files":[`+strings.Join(binaries, ",")+`]}`)
	recs := []archive.Record{archive.ModelStart{Model: model}, archive.Meta{Meta: meta}, archive.Revision{Revision: rev}}
	for _, b := range blobs {
		recs = append(recs, b)
	}
	return append(recs, archive.ModelEnd{Model: model})
}

func TestABlobOfASectionThatIsNotLoadedIsMissed(t *testing.T) {
	s := openMemory(t)
	shared := []archive.Blob{blobOf([]byte("content"))}
	recs := []archive.Record{archive.Header{Version: 2}}
	recs = append(recs, sectionOf("first", shared, shared)...)
	recs = append(recs, sectionOf("second", shared, nil)...)
	b := encodeArchive(t, append(recs, archive.EOF{}))
	for _, tc := range []struct {
		models   []string
		warnings int
	}{{nil, 0}, {[]string{"first"}, 0}, {[]string{"second"}, 1}} {
		plan, err := s.Check(t.Context(), bytes.NewReader(b), manager.LoadOptions{Models: tc.models})
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Warnings) != tc.warnings {
			t.Errorf("models %v: warnings %+v, want %d", tc.models, plan.Warnings, tc.warnings)
		}
	}
}

func TestBlobsWithChosenKeysAreReplacedByOverwriteOnly(t *testing.T) {
	key := func(content string) archive.Blob {
		return archive.Blob{FileID: "logo", Data: []byte(content), Size: int64(len(content))}
	}
	for _, tc := range []struct {
		on   manager.OnDuplicate
		want string
		code manager.Code
	}{
		{manager.RaiseError, "old", manager.CodeDuplicate},
		{manager.Skip, "old", ""},
		{manager.Newer, "old", ""},
		{manager.Overwrite, "new", ""},
	} {
		s := openSQLite(t)
		s.load(t, oneDoc(t, "first", key("old")), manager.LoadOptions{})
		_, err := s.LoadArchive(t.Context(), bytes.NewReader(oneDoc(t, "second", key("new"))), manager.LoadOptions{OnDuplicate: tc.on})
		if code, _ := manager.CodeOf(err); code != tc.code || err != nil && code == "" {
			t.Errorf("%s: %v, want code %q", tc.on, err, tc.code)
		}
		for _, rec := range records(t, s.dumpAll(t)) {
			if b, ok := rec.(archive.Blob); ok && string(b.Data) != tc.want {
				t.Errorf("%s: the blob is now %q, want %q", tc.on, b.Data, tc.want)
			}
		}
		s.load(t, oneDoc(t, "third", key(tc.want)), manager.LoadOptions{OnDuplicate: tc.on})
	}
}

// TestNamesThatTheStoreCannotHoldAreRefused: they are no failures, which would
// be tried again.
func TestNamesThatTheStoreCannotHoldAreRefused(t *testing.T) {
	s := openSQLite(t)
	s.load(t, oneDoc(t, "sales-order"), manager.LoadOptions{})
	data := []byte("content")
	for name, b := range map[string][]byte{
		"model": oneDoc(t, "sales_order"),
		"blob":  oneDoc(t, "other", archive.Blob{FileID: `a\b`, Data: data, Size: int64(len(data))}),
	} {
		_, err := s.LoadArchive(t.Context(), bytes.NewReader(b), manager.LoadOptions{})
		if code, _ := manager.CodeOf(err); code != manager.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAbandonedLoadsAreSwept(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		declare(t, s, storage.ModelInfo{Name: "doc"})
		var claims []storage.Claim
		for i, lease := range []time.Duration{-time.Second, time.Hour} { // of a dead and of a live process
			_, c, err := s.factory.Ledger().Claim(t.Context(), storage.Job{ID: uuid.New(), Kind: manager.KindDirectLoad}, lease)
			if err != nil {
				t.Fatal(err)
			}
			meta, rev := simple(numbered(i), `{"n":1}`)
			w := storage.ModelWrites{Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev}}
			staged := storage.Staged{Chunk: storage.ChunkRef{Claim: c}, Models: map[string]storage.ModelWrites{"doc": w}, Outcome: []byte(`{}`)}
			if err := s.factory.Unit().Stage(t.Context(), staged); err != nil {
				t.Fatal(err)
			}
			claims = append(claims, c)
		}
		s.load(t, oneDoc(t, "other"), manager.LoadOptions{})
		for i, want := range []struct {
			state  storage.JobState
			chunks int
		}{{storage.JobDead, 0}, {storage.JobRunning, 1}} {
			job, err := s.factory.Ledger().Get(t.Context(), claims[i].Job)
			if err != nil || job.State != want.state {
				t.Errorf("load %d is %s (%v), want %s", i, job.State, err, want.state)
			}
			chunks, err := s.factory.Ledger().Chunks(t.Context(), claims[i].Job)
			if err != nil || len(chunks) != want.chunks {
				t.Errorf("load %d has %d chunks (%v), want %d", i, len(chunks), err, want.chunks)
			}
		}
	})
}

// TestErrorsAreBounded: what a bad archive holds does not flood messages and the ledger.
func TestErrorsAreBounded(t *testing.T) {
	long := strings.Repeat("n", 1<<20)
	meta, rev := pair("doc:a", `{}`)
	farCurrent, farRevision := meta, rev
	farCurrent.Meta.CurrentRevisionID = resource.RevisionID(long)
	farRevision.Revision.Info.RevisionID = resource.RevisionID(long)
	farID := meta
	farID.Meta.ResourceID = resource.ID(long)
	for name, b := range map[string][]byte{
		"model":            encodeArchive(t, []archive.Record{archive.Header{}, archive.ModelStart{Model: long}, archive.ModelEnd{Model: long}, archive.EOF{}}),
		"resource":         docs(t, farID, rev),
		"current revision": docs(t, farCurrent, rev),
		"revision":         docs(t, meta, farRevision),
		"blob":             docs(t, meta, rev, archive.Blob{FileID: long}),
	} {
		_, err := openMemory(t).LoadArchive(t.Context(), bytes.NewReader(b), manager.LoadOptions{AllowMissingRevision: true})
		if code, _ := manager.CodeOf(err); code != archive.CodeStructure || len(err.Error()) > 1000 {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}
