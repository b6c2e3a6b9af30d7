package manager_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// epoch is the time of what tests write.
var epoch = time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)

// simple makes a resource with one revision.
func simple(id resource.ID, data string) (resource.Meta, resource.Revision) {
	info := resource.RevisionInfo{
		UID:         uuid.NewSHA1(uuid.Nil, []byte(string(id)+data)),
		ResourceID:  id,
		RevisionID:  id.Revision(1),
		DataHash:    opt.Of(resource.DataHash([]byte(data))),
		Status:      resource.Stable,
		CreatedTime: epoch, UpdatedTime: epoch,
		CreatedBy: "ann", UpdatedBy: "ann",
	}
	meta := resource.Meta{
		CurrentRevisionID: info.RevisionID, ResourceID: id, TotalRevisionCount: 1,
		CreatedTime: epoch, UpdatedTime: epoch, CreatedBy: "ann", UpdatedBy: "ann",
		Rev: resource.RevMetaOf(info),
	}
	return meta, resource.Revision{Info: info, Data: []byte(data)}
}

// metaOf makes a meta of its JSON form.
func metaOf(t *testing.T, m map[string]any) resource.Meta {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := resource.DecodeMeta(resource.JSON, b)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// infoOf makes an info of its JSON form.
func infoOf(t *testing.T, m map[string]any) resource.RevisionInfo {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	info, err := resource.DecodeRevisionInfo(resource.JSON, b)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// numbered makes the id of the n-th resource.
func numbered(n int) resource.ID { return resource.ID(fmt.Sprintf("doc:%06d", n)) }

// blobOf makes the record of a blob.
func blobOf(data []byte) archive.Blob {
	return archive.Blob{FileID: resource.ContentHash(data), Data: data, Size: int64(len(data)), ContentType: "text/plain"}
}
