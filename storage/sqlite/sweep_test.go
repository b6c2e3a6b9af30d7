package sqlite

import (
	"errors"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

// run changes the file behind the back of the store.
func run(t *testing.T, f *Factory, statements ...string) {
	t.Helper()
	err := f.write.do(t.Context(), "damage", func(x *tx) error {
		for _, s := range statements {
			if _, err := x.exec(s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sweep(t *testing.T, f *Factory, o storage.SweepOptions) storage.Sweep {
	t.Helper()
	s, err := f.Garbage().Sweep(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const lostCopies = `INSERT INTO person_resource_data (id, info, data) SELECT id + 10000, info, data FROM person_resource_data`

func TestSweepRemovesLostPayloadsAlone(t *testing.T) {
	f := openModel(t, Config{})
	update(t, f, newResources(0, 2*sweepBatch+100, 10))
	run(t, f, lostCopies)
	c, ended := claim(t, f), claim(t, f)
	stage(t, f, c, 0, newResources(5000, 20, 10))
	stage(t, f, ended, 0, newResources(6000, 30, 10))
	stage(t, f, ended, 1, newResources(6030, 30, 10))
	if err := f.Ledger().Finish(t.Context(), ended, storage.Final{State: storage.JobDead}); err != nil {
		t.Fatal(err)
	}
	for _, remove := range []bool{false, true} {
		found := sweep(t, f, storage.SweepOptions{Remove: remove})
		if found.Payloads.Count != 2*sweepBatch+100 || found.Payloads.Bytes == 0 || found.Chunks.Count != 2 || found.Chunks.Bytes == 0 || found.Orphans.Count != 0 {
			t.Errorf("the sweep finds %+v", found)
		}
	}
	if n := count(t, f, dataRows); n != 2*sweepBatch+100+20 {
		t.Errorf("%d payloads are left", n)
	}
	if err := publish(t, f, c); err != nil {
		t.Fatal(err)
	}
	if n := dump(t, f); n != 2*sweepBatch+100+20 {
		t.Errorf("%d resources are left", n)
	}
	if found := sweep(t, f, storage.SweepOptions{Remove: true, Orphans: true}); found.Payloads.Count+found.Chunks.Count+found.Orphans.Count != 0 {
		t.Errorf("a second sweep finds %+v", found)
	}
}

func TestSweepRemovesOrphansInBatches(t *testing.T) {
	f := openModel(t, Config{})
	update(t, f, newResources(0, 2*sweepBatch+100, 10))
	run(t, f, `DELETE FROM person_meta WHERE resource_id >= 'person:00000010'`)
	found := sweep(t, f, storage.SweepOptions{Orphans: true})
	if found.Orphans.Count != 2*sweepBatch+90 || len(found.Resources) != storage.MaxOrphans || found.Resources[0].ID != "person:00000010" {
		t.Errorf("the sweep finds %+v", found.Orphans)
	}
	if n, m := count(t, f, dataRows), count(t, f, `SELECT count(*) FROM person_resource_index`); n != 10 || m != 10 {
		t.Errorf("%d payloads and %d index entries are left, want 10", n, m)
	}
}

// What was found and has come to use since stays.
func TestSweepLooksAgain(t *testing.T) {
	f := openModel(t, Config{})
	update(t, f, newResources(0, 4, 10))
	run(t, f, lostCopies, `DELETE FROM person_meta WHERE resource_id = 'person:00000003'`)
	c := claim(t, f)
	stage(t, f, c, 0, newResources(10, 1, 10))
	if err := f.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobDead}); err != nil {
		t.Fatal(err)
	}
	s := sweeper{f: f}
	if err := s.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := s.models[0]
	if len(m.lost) != 4 || len(m.orphans) != 1 || len(s.ended) != 1 {
		t.Fatalf("lost are %v, orphans %v, ended %v", m.lost, m.orphans, s.ended)
	}
	run(t, f, `UPDATE person_resource_index SET data_id = data_id + 10000 WHERE resource_id = 'person:00000000'`,
		`UPDATE person_resource_data SET info = x'80' WHERE id = 10002`)
	update(t, f, newResources(3, 1, 10))
	if _, err := f.Ledger().Retry(t.Context(), c.Job); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.removeStaged(t.Context()), m.removeLost(t.Context(), f), m.removeOrphans(t.Context(), f)); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM person_resource_data WHERE id IN (10001, 10002)`:                     2,
		`SELECT count(*) FROM person_resource_data WHERE id > 10002 AND id <= 10004`:               0,
		`SELECT count(*) FROM person_resource_index WHERE resource_id = 'person:00000003'`:         1,
		`SELECT count(*) FROM specstar_chunks WHERE staged IS NOT NULL`:                            1,
		`SELECT count(*) FROM person_resource_index i JOIN person_resource_data d ON d.id=data_id`: 4,
	} {
		if n := count(t, f, query); n != want {
			t.Errorf("%s gives %d, want %d", query, n, want)
		}
	}
}

func TestSweepOfADamagedChunkRemovesNothing(t *testing.T) {
	f := openModel(t, Config{})
	update(t, f, newResources(0, 3, 10))
	run(t, f, lostCopies)
	c := claim(t, f)
	stage(t, f, c, 0, newResources(10, 2, 10))
	run(t, f, `UPDATE specstar_chunks SET staged = x'01ff'`)
	_, err := f.Garbage().Sweep(t.Context(), storage.SweepOptions{Remove: true})
	if err == nil || !strings.Contains(err.Error(), "chunk 0 of job "+c.Job.String()) {
		t.Errorf("error is %v, want one that names the chunk", err)
	}
	if n := count(t, f, dataRows); n != 8 {
		t.Errorf("%d payloads are left, want all 8", n)
	}
}

func TestGarbageOfTwoStoresInOneFile(t *testing.T) {
	f := openModel(t, Config{})
	other := open(t, Config{Dir: f.dir, TablePrefix: "x_"})
	if err := other.SaveModel(t.Context(), storage.ModelInfo{Name: model}); err != nil {
		t.Fatal(err)
	}
	update(t, f, newResources(0, 2, 10))
	update(t, other, newResources(0, 3, 10))
	n := 0
	for p, err := range other.Garbage().Payloads(t.Context()) {
		if err != nil || p.Model != model || p.Resource == "" {
			t.Errorf("payload %+v, %v", p, err)
		}
		n++
	}
	if n != 5 {
		t.Errorf("%d payloads, want those of both stores", n)
	}
	run(t, f, lostCopies)
	if found := sweep(t, other, storage.SweepOptions{Remove: true}); found.Payloads.Count != 0 {
		t.Errorf("the other store's sweep finds %+v", found)
	}
	if found := sweep(t, f, storage.SweepOptions{Remove: true}); found.Payloads.Count != 2 {
		t.Errorf("the sweep finds %+v", found)
	}
}
