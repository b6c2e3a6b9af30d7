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

	"github.com/specstar-worker/worker/archive"
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
