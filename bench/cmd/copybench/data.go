package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// model is the name of the model of all measurements.
const model = "item"

// payloadBytes is how long a payload is.
const payloadBytes = 800

// records are resources as they are decoded, one revision each.
type records struct {
	metas     []resource.Meta
	revisions []resource.Revision
	jobs      []uuid.UUID // one for each resource, as submitters name them: ascending
}

// makeRecords returns the nth revisions of resources, each an hour after the one before.
// Ids are random, as the original's are, and come sorted within each batch.
func makeRecords(count, batch, n int) (records, error) {
	r := rand.New(rand.NewPCG(1, 2))
	ids := make([]resource.ID, count)
	for i := range ids {
		ids[i] = resource.ID(model + ":" + randomUUID(r).String())
	}
	for part := range slices.Chunk(ids, batch) {
		slices.Sort(part)
	}
	out := records{metas: make([]resource.Meta, count), revisions: make([]resource.Revision, count), jobs: make([]uuid.UUID, count)}
	r = rand.New(rand.NewPCG(3, uint64(n)))
	made := time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)
	for i, id := range ids {
		made = made.Add(time.Millisecond)
		at := made.Add(time.Duration(n-1) * time.Hour)
		indexed, err := resource.NewIndexed(map[string]any{"level": int64(i % 100), "name": fmt.Sprintf("item-%d", i), "team": fmt.Sprintf("team-%d", i%50)})
		if err != nil {
			return out, err
		}
		payload := fmt.Sprintf(`{"name":"item-%d","level":%d,"team":"team-%d","body":"%s`, i, i%100, i%50, randomUUID(r))
		payload += strings.Repeat("x", payloadBytes-len(payload)-2) + `"}`
		info := resource.RevisionInfo{
			UID: randomUUID(r), ResourceID: id, RevisionID: id.Revision(n), DataHash: opt.Of(resource.DataHash([]byte(payload))), Status: "stable",
			CreatedTime: at, UpdatedTime: at, CreatedBy: "importer", UpdatedBy: "importer",
		}
		if n > 1 {
			info.ParentRevisionID = opt.Of(id.Revision(n - 1))
		}
		out.revisions[i] = resource.Revision{Info: info, Data: []byte(payload)}
		out.metas[i] = resource.Meta{
			CurrentRevisionID: info.RevisionID, ResourceID: id, TotalRevisionCount: n, CreatedTime: made, UpdatedTime: at,
			CreatedBy: "importer", UpdatedBy: "importer", IndexedData: opt.Of(indexed), Rev: resource.RevMetaOf(info),
		}
		out.jobs[i] = uuid.MustParse(jobs.NewID())
	}
	return out, nil
}

func randomUUID(r *rand.Rand) (id uuid.UUID) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// chunk returns the records of one batch.
func (r records) chunk(from, to int) records {
	return records{r.metas[from:to], r.revisions[from:to], r.jobs[from:to]}
}

func (r records) refs() []storage.Ref {
	refs := make([]storage.Ref, len(r.metas))
	for i := range r.metas {
		refs[i] = storage.Ref{Model: model, ID: r.metas[i].ResourceID}
	}
	return refs
}
