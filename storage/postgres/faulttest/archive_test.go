package faulttest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// archiveName is the upload that loads name.
const archiveName = "all.acbak"

// writeArchive writes an archive of n resources with two revisions each into a new
// directory, and returns that.
func writeArchive(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, archiveName))
	if err != nil {
		t.Fatal(err)
	}
	w := archive.NewWriter(file)
	put := func(r archive.Record) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	put(archive.Header{Version: archive.Version})
	put(archive.ModelStart{Model: "loaded"})
	for i := range n {
		for _, r := range archived(resource.ID(fmt.Sprintf("loaded:%06d", i))) {
			put(r)
		}
	}
	put(archive.ModelEnd{Model: "loaded"})
	put(archive.EOF{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// archived returns the records of a resource with two revisions.
func archived(id resource.ID) []archive.Record {
	var last resource.RevisionInfo
	records := make([]archive.Record, 3)
	for k := 1; k <= 2; k++ {
		data := fmt.Appendf(nil, `{"id":%q,"revision":%d}`, id, k)
		info := resource.RevisionInfo{
			UID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s:%d", id, k)), ResourceID: id, RevisionID: id.Revision(k),
			DataHash: opt.Of(resource.DataHash(data)), Status: resource.Stable,
			CreatedTime: noon, UpdatedTime: noon, CreatedBy: "maker", UpdatedBy: "maker",
		}
		if k > 1 {
			info.ParentRevisionID = opt.Of(id.Revision(k - 1))
		}
		records[k] = archive.Revision{Revision: resource.Revision{Info: info, Data: data}}
		last = info
	}
	records[0] = archive.Meta{Meta: resource.Meta{
		CurrentRevisionID: last.RevisionID, ResourceID: id, TotalRevisionCount: 2,
		CreatedTime: noon, UpdatedTime: noon, CreatedBy: "maker", UpdatedBy: "maker", Rev: resource.RevMetaOf(last),
	}}
	return records
}
