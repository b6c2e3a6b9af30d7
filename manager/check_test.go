package manager_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// docs wraps records into an archive of one section.
func docs(t *testing.T, recs ...archive.Record) []byte {
	t.Helper()
	all := append([]archive.Record{archive.Header{}, archive.ModelStart{Model: "doc"}}, recs...)
	return encodeArchive(t, append(all, archive.ModelEnd{Model: "doc"}, archive.EOF{}))
}

// pair makes the records of a resource with one revision.
func pair(id resource.ID, data string) (archive.Meta, archive.Revision) {
	meta, rev := simple(id, data)
	return archive.Meta{Meta: meta}, archive.Revision{Revision: rev}
}

// offsetOf returns where the n-th record of an archive begins.
func offsetOf(t *testing.T, b []byte, n int) int64 {
	t.Helper()
	r := archive.NewReader(bytes.NewReader(b), archive.Limits{})
	for range n + 1 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	return r.Offset()
}

func TestWhatACheckRefuses(t *testing.T) {
	metaA, revA := pair("doc:a", `{"n":1}`)
	metaB, revB := pair("doc:b", `{"n":2}`)

	otherData := revA
	otherData.Revision.Data = []byte(`{"n":9}`)
	wrongHash := otherData
	otherData.Revision.Info.DataHash = opt.Of(resource.DataHash(otherData.Revision.Data))
	otherUID := otherData
	otherUID.Revision.Info.UID = uuid.New()
	migrated := wrongHash
	migrated.Revision.Info.ParentSchemaVersion = opt.Of[*string](nil)
	unhashed := wrongHash
	unhashed.Revision.Info.DataHash = opt.Value[string]{}
	foreign := revA
	foreign.Revision.Info.RevisionID = "doc:b:1"
	unnumbered := revA
	unnumbered.Revision.Info.RevisionID = "doc:a:last"
	noID := metaA
	noID.Meta.ResourceID = ""
	noCurrent := metaA
	noCurrent.Meta.CurrentRevisionID = "doc:a:2"
	otherVersion := metaA
	otherVersion.Meta.SchemaVersion = opt.Of("2")
	gap := metaA
	gap.Meta.TotalRevisionCount = 9
	badID := blobOf([]byte("x"))
	badID.FileID = resource.ContentHash([]byte("y"))
	keyed := blobOf([]byte("x"))
	keyed.FileID = "__job_log__/a"
	keyedOther := blobOf([]byte("y"))
	keyedOther.FileID = keyed.FileID

	for _, tc := range []struct {
		name string
		recs []archive.Record
		code manager.Code // empty: accepted
		bad  int          // the record of the section that is to blame
	}{
		{"plain", []archive.Record{metaA, revA}, "", 0},
		{"repeated revision", []archive.Record{metaA, revA, revA}, "", 0},
		{"scattered", []archive.Record{revB, metaA, metaB, revA}, "", 0},
		{"count above the revisions", []archive.Record{gap, revA}, "", 0},
		{"repeated blob", []archive.Record{blobOf([]byte("x")), blobOf([]byte("x"))}, "", 0},
		{"blob with a key", []archive.Record{keyed}, "", 0},
		{"hash of before a migration", []archive.Record{metaA, migrated}, "", 0},
		{"no hash", []archive.Record{metaA, unhashed}, "", 0},
		{"no records", nil, "", 0},
		{"repeated meta", []archive.Record{metaA, revA, metaB, revB, metaA}, archive.CodeStructure, 4},
		{"wrong hash", []archive.Record{metaA, wrongHash}, archive.CodeCorrupt, 1},
		{"same key, other bytes", []archive.Record{metaA, revA, otherUID}, archive.CodeStructure, 2},
		{"same key and uid, other bytes", []archive.Record{metaA, revA, otherData}, archive.CodeStructure, 2},
		{"revision of another resource", []archive.Record{metaA, revA, foreign}, archive.CodeStructure, 2},
		{"revision without a number", []archive.Record{metaA, unnumbered}, archive.CodeStructure, 1},
		{"no id", []archive.Record{noID}, archive.CodeStructure, 0},
		{"no current revision", []archive.Record{metaB, revB, noCurrent, revA}, archive.CodeStructure, 2},
		{"current revision at another schema version", []archive.Record{otherVersion, revA}, archive.CodeStructure, 0},
		{"meta without revisions", []archive.Record{metaA}, archive.CodeStructure, 0},
		{"revision without a meta", []archive.Record{metaA, revA, revB}, archive.CodeStructure, 2},
		{"blob with the id of another", []archive.Record{badID}, archive.CodeCorrupt, 0},
		{"blob key twice, other bytes", []archive.Record{keyed, keyedOther}, archive.CodeStructure, 1},
		{"the first of two problems", []archive.Record{metaA, revA, revB, metaA}, archive.CodeStructure, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := docs(t, tc.recs...)
			_, err := openMemory(t).Check(t.Context(), bytes.NewReader(in), manager.LoadOptions{})
			f, verr := manager.VerifyArchive(t.Context(), bytes.NewReader(in), archive.Limits{})
			if verr != nil || f.OK != (tc.code == "") {
				t.Errorf("verify: %+v, %v", f, verr)
			}
			if tc.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			code, _ := manager.CodeOf(err)
			offset, _ := manager.OffsetOf(err)
			want := offsetOf(t, in, 2+tc.bad)
			if code != tc.code || offset != want {
				t.Fatalf("%v (%s at %d), want %s at %d", err, code, offset, tc.code, want)
			}
			if p := f.Problems[0]; p.Code != code || p.Offset != offset || p.Model != "doc" {
				t.Errorf("verify says %+v", p)
			}
		})
	}
}

func TestSectionsOfOneModel(t *testing.T) {
	metaA, revA := pair("doc:a", `{"n":1}`)
	metaB, revB := pair("doc:b", `{"n":2}`)
	sections := func(first, second []archive.Record) []byte {
		all := append([]archive.Record{archive.Header{}, archive.ModelStart{Model: "doc"}}, first...)
		all = append(all, archive.ModelEnd{Model: "doc"}, archive.ModelStart{Model: "doc"})
		return encodeArchive(t, append(append(all, second...), archive.ModelEnd{Model: "doc"}, archive.EOF{}))
	}
	s := openMemory(t)
	apart := sections([]archive.Record{metaA, revA}, []archive.Record{metaB, revB})
	if stats := s.load(t, apart, manager.LoadOptions{}); stats["doc"].Loaded != 2 {
		t.Errorf("%+v", stats)
	}
	torn := sections([]archive.Record{metaA, revA, metaB}, []archive.Record{revB})
	_, err := s.Check(t.Context(), bytes.NewReader(torn), manager.LoadOptions{})
	if code, _ := manager.CodeOf(err); code != archive.CodeStructure {
		t.Errorf("a revision in another section than its meta gives %v", err)
	}
}

func TestMissingRevisionsCanBeAllowed(t *testing.T) {
	meta, _ := pair("doc:a", `{}`)
	in := docs(t, meta)
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		o := manager.LoadOptions{AllowMissingRevision: true}
		plan, err := s.Check(t.Context(), bytes.NewReader(in), o)
		if err != nil || len(plan.Warnings) != 1 || plan.Warnings[0].Code != manager.CodeRevMissing {
			t.Fatalf("%+v, %v", plan, err)
		}
		if stats := s.load(t, in, o); stats["doc"].Loaded != 1 || stats["doc"].Revisions != 0 {
			t.Fatalf("%+v", stats)
		}
		f, err := s.Verify(t.Context())
		if err != nil || f.OK || f.Problems[0].Code != manager.CodeRevMissing {
			t.Fatalf("%+v, %v", f, err)
		}
		out, err := s.open(t, "doc").Update(t.Context(), op("", "doc:a", `{"n":1}`, "ann", 1))
		if err != nil || out.RevisionID != "doc:a:2" {
			t.Fatalf("%+v, %v", out, err)
		}
	})
}

func TestAPlanCoversTheArchive(t *testing.T) {
	for name, n := range map[string]int{"grouped": 2500, "scattered": 2500} {
		in := scattered(t, n)
		if name == "grouped" {
			s := openMemory(t)
			s.load(t, in, manager.LoadOptions{})
			in = s.dumpAll(t)
		}
		plan, err := openMemory(t).Check(t.Context(), bytes.NewReader(in), manager.LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if plan.Resources() != 2500 || plan.Models[0].Revisions != 5000 || plan.Chunks() < 3 {
			t.Errorf("%s: %+v in %d chunks", name, plan.Models, plan.Chunks())
		}
		if plan.Bytes() > int64(len(in)) {
			t.Errorf("%s: %d bytes of %d", name, plan.Bytes(), len(in))
		}
	}
}

func TestOnlyTheNamedModelsAreLoaded(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		stats := s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{Models: []string{"document"}})
		if len(stats) != 1 || stats["document"].Blobs != 3 {
			t.Fatalf("%+v", stats)
		}
		if infos := s.models(t); len(infos) != 1 {
			t.Fatalf("%+v", infos)
		}
		refusedAnyhow(t, s, testdata(t, "variants/rev_inner_garbage.acbak"))
	})
}
