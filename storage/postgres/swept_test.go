package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// openSwept opens a store with the model person.
func openSwept(t *testing.T, c Config) *Factory {
	t.Helper()
	f, _ := openBlobs(t, c)
	declare(t, f)
	return f
}

func sweptID(n int) resource.ID { return resource.ID(fmt.Sprintf("person:%08d", n)) }

// sweptWrites make resources with one revision each.
func sweptWrites(from, n int) (storage.ModelWrites, []storage.Ref) {
	var w storage.ModelWrites
	var refs []storage.Ref
	for i := from; i < from+n; i++ {
		m := metaOf(sweptID(i))
		w.Metas = append(w.Metas, m)
		w.Revisions = append(w.Revisions, resource.Revision{
			Info: resource.RevisionInfo{
				UID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(m.ResourceID)), ResourceID: m.ResourceID, RevisionID: m.CurrentRevisionID,
				Status: resource.Stable, CreatedTime: m.CreatedTime, UpdatedTime: m.UpdatedTime, CreatedBy: "a", UpdatedBy: "a",
			},
			Data: fmt.Appendf(nil, `{"n":%d}`, i),
		})
		refs = append(refs, storage.Ref{Model: "person", ID: m.ResourceID})
	}
	return w, refs
}

func makeSwept(t *testing.T, f *Factory, from, n int) {
	t.Helper()
	w, refs := sweptWrites(from, n)
	err := f.Unit().Update(t.Context(), storage.Batch{Refs: refs}, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: map[string]storage.ModelWrites{"person": w}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func stageSwept(t *testing.T, f *Factory, c storage.Claim, no, from, n int) {
	t.Helper()
	w, _ := sweptWrites(from, n)
	err := f.Unit().Stage(t.Context(), storage.Staged{Chunk: storage.ChunkRef{Claim: c, No: no}, Models: map[string]storage.ModelWrites{"person": w}})
	if err != nil {
		t.Fatal(err)
	}
}

func claimSwept(t *testing.T, f *Factory) storage.Claim {
	t.Helper()
	_, c, err := f.Ledger().Claim(t.Context(), storage.Job{ID: uuid.New(), Kind: "load"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func endSwept(t *testing.T, f *Factory, c storage.Claim) {
	t.Helper()
	if err := f.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobDead}); err != nil {
		t.Fatal(err)
	}
}

func sweepOf(t *testing.T, f *Factory, o storage.SweepOptions) storage.Sweep {
	t.Helper()
	found, err := f.Garbage().Sweep(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const (
	lostCopies  = `INSERT INTO person_resource_data (uid, data, info) SELECT 'lost' || uid, data, info FROM person_resource_data`
	dataCount   = `SELECT count(*)::int FROM person_resource_data WHERE info <> ''`
	indexCount  = `SELECT count(*)::int FROM person_resource_index`
	metaCount   = `SELECT count(*)::int FROM person_meta`
	helperCount = `SELECT count(*)::int FROM pg_indexes WHERE indexname LIKE 'specstar\_uids\_%'`
)
