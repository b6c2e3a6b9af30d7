package check

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// model is the model that most checks use.
const model = "person"

// noon is the time of everything that has no other.
var noon = time.Date(2026, time.March, 1, 12, 0, 0, 123456000, time.UTC)

// newMeta returns the complete meta of a resource at its n-th revision.
func newMeta(id resource.ID, n int) resource.Meta {
	return resource.Meta{
		CurrentRevisionID:  id.Revision(n),
		ResourceID:         id,
		TotalRevisionCount: n,
		CreatedTime:        noon,
		UpdatedTime:        noon.Add(time.Duration(n) * time.Minute),
		CreatedBy:          "alice",
		UpdatedBy:          "bob",
		Rev:                resource.RevMetaOf(newInfo(id, n)),
	}
}

// newInfo returns the info of a resource's n-th revision; equal arguments give
// equal infos.
func newInfo(id resource.ID, n int) resource.RevisionInfo {
	info := resource.RevisionInfo{
		UID:         uuid.NewSHA1(uuid.Nil, []byte(id.Revision(n))),
		ResourceID:  id,
		RevisionID:  id.Revision(n),
		Status:      resource.Stable,
		CreatedTime: noon,
		UpdatedTime: noon.Add(time.Duration(n) * time.Minute),
		CreatedBy:   "alice",
		UpdatedBy:   "bob",
	}
	if n > 1 {
		info.ParentRevisionID = opt.Of(id.Revision(n - 1))
	}
	return info
}

// newRevision returns a resource's n-th revision with a payload of its own.
func newRevision(id resource.ID, n int) resource.Revision {
	data := fmt.Appendf(nil, `{"id":%q,"n":%d}`, id, n)
	info := newInfo(id, n)
	info.DataHash = opt.Of(resource.DataHash(data))
	return resource.Revision{Info: info, Data: data}
}

// withSchema returns r at another schema version, under another uid.
func withSchema(r resource.Revision, version string) resource.Revision {
	r.Info.SchemaVersion = opt.Of(version)
	r.Info.UID = uuid.NewSHA1(r.Info.UID, []byte(version))
	return r
}

// newJob returns a job that was never seen before.
func newJob(kind string) storage.Job {
	return storage.Job{
		ID: uuid.New(), Kind: kind, Model: model, Lane: "normal", User: "alice",
		State: storage.JobQueued, Created: noon,
		Envelope: []byte(`{"kind":"` + kind + `"}`), EnvelopeHash: []byte("hash of " + kind),
	}
}

// ended returns j as a done job.
func ended(j storage.Job, outcome string) storage.Job {
	j.State, j.Outcome, j.Finished = storage.JobDone, []byte(outcome), noon
	return j
}

// writesOf returns the writes of one model.
func writesOf(model string, w storage.ModelWrites) map[string]storage.ModelWrites {
	return map[string]storage.ModelWrites{model: w}
}

// resources returns complete resources: a meta and one revision each.
func resources(ids ...resource.ID) storage.ModelWrites {
	var w storage.ModelWrites
	for _, id := range ids {
		w.Metas = append(w.Metas, newMeta(id, 1))
		w.Revisions = append(w.Revisions, newRevision(id, 1))
	}
	return w
}

// refsTo names resources of the usual model.
func refsTo(ids ...resource.ID) []storage.Ref {
	refs := make([]storage.Ref, len(ids))
	for i, id := range ids {
		refs[i] = storage.Ref{Model: model, ID: id}
	}
	return refs
}
