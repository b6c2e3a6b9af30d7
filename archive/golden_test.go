package archive_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
)

// goldenArchives were written by the original; see the grammar in doc.go.
var goldenArchives = []string{
	"small.acbak", "small_0.8.5.acbak", "person_only.acbak", "person_age_gt_30.acbak",
	"schema_versions.acbak", "nul_in_indexed.acbak", "big_2000.acbak.gz",
}

// plainBytes returns the plain stream of a file in testdata.
func plainBytes(tb testing.TB, name string) []byte {
	tb.Helper()
	f, err := archive.OpenFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestGoldenArchivesAreWrittenAgainByteForByte(t *testing.T) {
	for _, name := range goldenArchives {
		t.Run(name, func(t *testing.T) {
			want := plainBytes(t, name)
			r := archive.NewReader(bytes.NewReader(want), archive.Limits{})
			var got bytes.Buffer
			w := archive.NewWriter(&got)
			for rec, err := range r.Records() {
				if err != nil {
					t.Fatal(err)
				}
				if err := w.Write(rec); err != nil {
					t.Fatal(err)
				}
				if w.Written() != r.End() {
					t.Fatalf("frame at byte %d was written in %d bytes, not %d", r.Offset(), w.Written()-r.Offset(), r.End()-r.Offset())
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Fatal("the archive written again differs")
			}
		})
	}
}

// frameEntry is one entry of a records.json file.
type frameEntry struct {
	Offset     int64  `json:"offset"`
	PayloadLen int64  `json:"payload_len"`
	T          string `json:"t"`
	Version    int    `json:"version"`
	Model      string `json:"model_name"`
	ResourceID string `json:"resource_id"`
	RevisionID string `json:"revision_id"`
	UID        string `json:"uid"`
	FileID     string `json:"file_id"`
}

func entryOf(rec archive.Record, offset, end int64) frameEntry {
	e := frameEntry{Offset: offset, PayloadLen: end - offset - 4}
	switch rec := rec.(type) {
	case archive.Header:
		e.T, e.Version = "HeaderRecord", rec.Version
	case archive.ModelStart:
		e.T, e.Model = "ModelStartRecord", rec.Model
	case archive.Meta:
		e.T, e.ResourceID = "MetaRecord", string(rec.Meta.ResourceID)
	case archive.Revision:
		e.T, e.RevisionID = "RevisionRecord", string(rec.Revision.Info.RevisionID)
		e.UID = rec.Revision.Info.UID.String()
	case archive.Blob:
		e.T, e.FileID = "BlobRecord", rec.FileID
	case archive.ModelEnd:
		e.T, e.Model = "ModelEndRecord", rec.Model
	case archive.EOF:
		e.T = "EofRecord"
	}
	return e
}

func TestFramesAreWhereTheOriginalSaysTheyAre(t *testing.T) {
	for _, name := range []string{"small", "person_only", "person_age_gt_30"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", name+".records.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want, got []frameEntry
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			r := archive.NewReader(bytes.NewReader(plainBytes(t, name+".acbak")), archive.Limits{})
			for rec, err := range r.Records() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, entryOf(rec, r.Offset(), r.End()))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestReadAtReadsARangeOfFrames(t *testing.T) {
	b := plainBytes(t, "small.acbak")
	r := archive.NewReader(bytes.NewReader(b), archive.Limits{})
	var all []archive.Record
	var starts []int64
	for rec, err := range r.Records() {
		if err != nil {
			t.Fatal(err)
		}
		all, starts = append(all, rec), append(starts, r.Offset())
	}
	var got []archive.Record
	for rec, err := range archive.ReadAt(bytes.NewReader(b), starts[2], starts[6], archive.Limits{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rec)
	}
	if !reflect.DeepEqual(got, all[2:6]) {
		t.Fatalf("got %+v, want %+v", got, all[2:6])
	}
	rr := archive.NewRangeReader(bytes.NewReader(b), starts[3], starts[4]-1, archive.Limits{})
	_, err := rr.Next()
	wantError(t, err, archive.CodeTruncated, starts[3])
}

// expectedState is the part of an expected.json file that metas and infos fill.
type expectedState struct {
	Models map[string]struct {
		Resources []struct {
			Meta      json.RawMessage `json:"meta"`
			Revisions []struct {
				Info json.RawMessage `json:"info"`
				Raw  []byte          `json:"raw_b64"`
			} `json:"revisions"`
		} `json:"resources"`
	} `json:"models"`
}

// TestJSONFormsAreTheOriginals compares every meta, info and payload with what
// the original says they are.
func TestJSONFormsAreTheOriginals(t *testing.T) {
	text, err := os.ReadFile("testdata/small.expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var want expectedState
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	metas, revisions := map[resource.ID]resource.Meta{}, map[uuid.UUID]resource.Revision{}
	for rec, err := range archive.NewReader(bytes.NewReader(plainBytes(t, "small.acbak")), archive.Limits{}).Records() {
		if err != nil {
			t.Fatal(err)
		}
		switch rec := rec.(type) {
		case archive.Meta:
			metas[rec.Meta.ResourceID] = rec.Meta
		case archive.Revision:
			revisions[rec.Revision.Info.UID] = rec.Revision
		}
	}
	compared := 0
	for _, model := range want.Models {
		for _, res := range model.Resources {
			meta, err := resource.DecodeMeta(resource.JSON, res.Meta)
			if err != nil {
				t.Fatal(err)
			}
			compared++
			sameBytes(t, metas[meta.ResourceID].Append(resource.Msgpack, nil), meta.Append(resource.Msgpack, nil))
			for _, rev := range res.Revisions {
				info, err := resource.DecodeRevisionInfo(resource.JSON, rev.Info)
				if err != nil {
					t.Fatal(err)
				}
				got := revisions[info.UID]
				sameBytes(t, got.Info.Append(resource.Msgpack, nil), info.Append(resource.Msgpack, nil))
				sameBytes(t, got.Data, rev.Raw)
				if hash, ok := info.DataHash.Get(); ok && hash != resource.DataHash(rev.Raw) {
					t.Errorf("%s: hash %s of the payload is not %s", info.RevisionID, resource.DataHash(rev.Raw), hash)
				}
			}
		}
	}
	if compared != len(metas) {
		t.Fatalf("%d of %d metas were compared", compared, len(metas))
	}
}

func sameBytes(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
