package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

func TestSweepRemovesLostPayloadsAlone(t *testing.T) {
	const n = 2*sweepBatch + 100
	f := openSwept(t, Config{})
	makeSwept(t, f, 0, n)
	sql(t, f, lostCopies)
	c, ended := claimSwept(t, f), claimSwept(t, f)
	stageSwept(t, f, c, 0, 5000, 20)
	stageSwept(t, f, ended, 0, 6000, 30)
	stageSwept(t, f, ended, 1, 6030, 30)
	endSwept(t, f, ended)
	for _, remove := range []bool{false, true} {
		found := sweepOf(t, f, storage.SweepOptions{Remove: remove})
		if found.Payloads.Count != n || found.Payloads.Bytes == 0 || found.Chunks.Count != 2 || found.Chunks.Bytes == 0 || found.Orphans.Count != 0 {
			t.Errorf("the sweep finds %+v", found)
		}
	}
	if got := number(t, f, dataCount); got != n+20 {
		t.Errorf("%d payloads are left", got)
	}
	if err := f.Unit().Publish(t.Context(), c, storage.Final{State: storage.JobDone}); err != nil {
		t.Fatal(err)
	}
	found := sweepOf(t, f, storage.SweepOptions{Remove: true, Orphans: true})
	if found.Payloads.Count+found.Chunks.Count+found.Orphans.Count != 0 {
		t.Errorf("a second sweep finds %+v", found)
	}
	if got := number(t, f, metaCount); got != n+20 {
		t.Errorf("%d resources are left", got)
	}
	if got := number(t, f, helperCount); got != 0 {
		t.Errorf("%d indexes were left behind", got)
	}
}

func TestSweepRemovesOrphansInBatches(t *testing.T) {
	f := openSwept(t, Config{})
	makeSwept(t, f, 0, 2*sweepBatch+100)
	sql(t, f, `DELETE FROM person_meta WHERE resource_id >= 'person:00000010'`)
	found := sweepOf(t, f, storage.SweepOptions{Orphans: true})
	if found.Orphans.Count != 2*sweepBatch+90 || len(found.Resources) != storage.MaxOrphans || found.Resources[0].ID != sweptID(10) {
		t.Errorf("the sweep finds %+v", found.Orphans)
	}
	if n, m, metas := number(t, f, dataCount), number(t, f, indexCount), number(t, f, metaCount); n != 10 || m != 10 || metas != 10 {
		t.Errorf("%d payloads, %d index entries and %d metas are left, want 10", n, m, metas)
	}
}

// The original's migrate makes several keys lead to one payload.
func TestSweepOfPayloadsThatSeveralKeysLeadTo(t *testing.T) {
	f := openSwept(t, Config{})
	makeSwept(t, f, 0, 3)
	sql(t, f, `INSERT INTO person_resource_index (resource_id, revision_id, schema_version, uid) SELECT resource_id, revision_id, '2', uid FROM person_resource_index`)
	sql(t, f, `INSERT INTO person_resource_index (resource_id, revision_id, schema_version, uid) SELECT 'nobody', 'nobody:1', '2', uid FROM person_resource_index WHERE resource_id = $1 AND schema_version = '2'`, string(sweptID(0)))
	sql(t, f, `DELETE FROM person_meta WHERE resource_id = $1`, string(sweptID(1)))
	found := sweepOf(t, f, storage.SweepOptions{Remove: true, Orphans: true})
	if found.Orphans.Count != 3 || found.Payloads.Count != 0 {
		t.Errorf("the sweep finds %+v", found)
	}
	if n, m := number(t, f, dataCount), number(t, f, indexCount); n != 2 || m != 4 {
		t.Errorf("%d payloads and %d index entries are left, want 2 and 4", n, m)
	}
}

func TestSweepOfADamagedChunkRemovesNothing(t *testing.T) {
	f := openSwept(t, Config{})
	makeSwept(t, f, 0, 3)
	sql(t, f, lostCopies)
	c := claimSwept(t, f)
	stageSwept(t, f, c, 0, 10, 2)
	sql(t, f, `UPDATE specstar_chunks SET staged = '\x01ff'`)
	_, err := f.Garbage().Sweep(t.Context(), storage.SweepOptions{Remove: true})
	if !errors.Is(err, staged.ErrDamaged) || !strings.Contains(err.Error(), "chunk 0 of job "+c.Job.String()) {
		t.Errorf("error is %v, want one that names the chunk", err)
	}
	if n := number(t, f, dataCount); n != 8 {
		t.Errorf("%d payloads are left, want all 8", n)
	}
}
