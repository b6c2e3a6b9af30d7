package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/diskblob"
)

// putBlob puts a blob beside a store and returns its id.
func putBlob(t *testing.T, store, content string) string {
	t.Helper()
	b, err := diskblob.Open(t.Context(), diskblob.Config{Dir: blobsOf(store)})
	if err != nil {
		t.Fatal(err)
	}
	info, err := b.Put(t.Context(), strings.NewReader(content), storage.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return info.FileID
}

func blobsOf(store string) string {
	return filepath.Join(strings.TrimPrefix(store, "sqlite:"), "_blobs")
}

// ageBlobs makes all blobs of a store three days old.
func ageBlobs(t *testing.T, store string) {
	t.Helper()
	at := time.Now().Add(-72 * time.Hour)
	entries, err := os.ReadDir(blobsOf(store))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Chtimes(filepath.Join(blobsOf(store), e.Name()), at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// gc runs worker gc and returns its report.
func gc(t *testing.T, store string, args ...string) manager.GCReport {
	t.Helper()
	r := cli(t, append([]string{"gc", "--store", store, "-o", "json"}, args...)...)
	r.ok(t)
	var report manager.GCReport
	r.into(t, &report)
	return report
}

func wantBlobs(t *testing.T, store string, ids ...string) {
	t.Helper()
	got := blobsIn(t, store)
	if !slices.Equal(got, slices.Sorted(slices.Values(ids))) {
		t.Errorf("blobs are %q; want %q", got, ids)
	}
}

// archiveWith writes an archive with documents that refer to blobs, which are in it.
func archiveWith(t *testing.T, contents map[string]string) string {
	t.Helper()
	recs := []archive.Record{archive.Header{Version: archive.Version}, archive.ModelStart{Model: "doc"}}
	for _, id := range sortedKeys(contents) {
		meta, rev := documentOf(resource.ID(id), resource.ContentHash([]byte(contents[id])), len(contents[id]))
		recs = append(recs, archive.Meta{Meta: meta}, archive.Revision{Revision: rev})
	}
	for _, id := range sortedKeys(contents) {
		b := []byte(contents[id])
		recs = append(recs, archive.Blob{FileID: resource.ContentHash(b), Data: b, Size: int64(len(b)), ContentType: "text/plain"})
	}
	return writeRecords(t, append(recs, archive.ModelEnd{Model: "doc"}, archive.EOF{}))
}

func writeRecords(t *testing.T, recs []archive.Record) string {
	t.Helper()
	var buf bytes.Buffer
	w := archive.NewWriter(&buf)
	for _, r := range recs {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "docs.acbak")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// documentOf is a resource whose payload refers to one blob.
func documentOf(id resource.ID, blob string, size int) (resource.Meta, resource.Revision) {
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	data := fmt.Appendf(nil, `{"file":{"file_id":%q,"size":%d}}`, blob, size)
	info := resource.RevisionInfo{
		UID: uuid.NewSHA1(uuid.Nil, []byte(string(id)+blob)), ResourceID: id, RevisionID: id.Revision(1), DataHash: opt.Of(resource.DataHash(data)),
		Status: resource.Stable, CreatedTime: at, UpdatedTime: at, CreatedBy: "maker", UpdatedBy: "maker",
	}
	return resource.Meta{
		CurrentRevisionID: info.RevisionID, ResourceID: id, TotalRevisionCount: 1,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "maker", UpdatedBy: "maker", Rev: resource.RevMetaOf(info),
	}, resource.Revision{Info: info, Data: data}
}

// blobsIn returns the ids of the content-addressed blobs of a store, ascending.
func blobsIn(t *testing.T, store string) []string {
	t.Helper()
	var ids []string
	entries, err := os.ReadDir(blobsOf(store))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if len(e.Name()) == 32 {
			ids = append(ids, e.Name())
		}
	}
	return ids
}

// dumpWithout returns an archive without one blob.
func dumpWithout(t *testing.T, b []byte, blob string) []byte {
	t.Helper()
	var recs []archive.Record
	for rec, err := range archive.NewReader(bytes.NewReader(b), archive.Limits{}).Records() {
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := rec.(archive.Blob); !ok || r.FileID != blob {
			recs = append(recs, rec)
		}
	}
	return mustRead(t, writeRecords(t, recs))
}
