package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func claim(t *testing.T, f *Factory) storage.Claim {
	t.Helper()
	_, c, err := f.Ledger().Claim(t.Context(), storage.Job{ID: uuid.New(), Kind: "load"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stage(t *testing.T, f *Factory, c storage.Claim, no int, list []made) {
	t.Helper()
	w, _ := writesOf(list)
	w.Blobs = []string{fmt.Sprint("blob", no)}
	err := f.Unit().Stage(t.Context(), storage.Staged{Chunk: storage.ChunkRef{Claim: c, No: no}, Models: map[string]storage.ModelWrites{model: w}})
	if err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, f *Factory, c storage.Claim) error {
	t.Helper()
	return f.Unit().Publish(t.Context(), c, storage.Final{State: storage.JobDone})
}

func TestPublishMakesAllVisible(t *testing.T) {
	f := openModel(t, Config{})
	c := claim(t, f)
	stage(t, f, c, 0, newResources(0, 10, 20))
	stage(t, f, c, 1, newResources(10, 10, 20))
	if n := dump(t, f); n != 0 {
		t.Fatalf("%d resources are visible before publish", n)
	}
	if err := publish(t, f, c); err != nil {
		t.Fatal(err)
	}
	stores := build(t, f)
	stats, err := stores.Metas.Stats(t.Context())
	if want := (storage.Stats{Metas: 20}); err != nil || stats != want {
		t.Errorf("stats are %+v (%v), want %+v", stats, err, want)
	}
	if n, err := stores.Revisions.Count(t.Context()); err != nil || n != 20 {
		t.Errorf("there are %d revisions (%v), want 20", n, err)
	}
	if n := count(t, f, `SELECT count(*) FROM specstar_chunks WHERE staged IS NOT NULL`); n != 0 {
		t.Errorf("%d chunks are still staged", n)
	}
	if n := count(t, f, `SELECT count(*) FROM specstar_model_blobs`); n != 2 {
		t.Errorf("%d blobs are remembered, want 2", n)
	}
}

func TestPublishFindsDuplicates(t *testing.T) {
	f := openModel(t, Config{})
	update(t, f, newResources(5, 12, 20))
	c := claim(t, f)
	stage(t, f, c, 0, newResources(10, 15, 20))
	stage(t, f, c, 1, append(newResources(0, 6, 20), newResource(24, 20)))
	d, ok := errors.AsType[*storage.DuplicateError](publish(t, f, c))
	if !ok {
		t.Fatal("published over resources that exist")
	}
	if d.Model != model || d.Count != 9 || len(d.IDs) != 9 || !slices.IsSorted(d.IDs) || d.IDs[0] != newResource(5, 0).meta.ResourceID {
		t.Errorf("error is %+v, want 9 ids from 5 on", d)
	}
	if n := count(t, f, `SELECT count(*) FROM person_meta`); n != 12 {
		t.Errorf("%d metas, want the 12 from before", n)
	}

	if err := f.Unit().Unstage(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if n := count(t, f, dataRows); n != 12 {
		t.Errorf("%d payloads after unstage, want the 12 from before", n)
	}
	if chunks, err := f.Ledger().Chunks(t.Context(), c.Job); err != nil || len(chunks) != 0 {
		t.Errorf("chunks after unstage: %v, %v", chunks, err)
	}
}

func TestUnstageSparesWhatAnotherLoadStaged(t *testing.T) {
	f := openModel(t, Config{})
	a, b := claim(t, f), claim(t, f)
	stage(t, f, a, 0, newResources(0, 4, 20))
	stage(t, f, b, 0, newResources(0, 2, 20))
	if err := f.Unit().Unstage(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if n := count(t, f, dataRows); n != 2 {
		t.Errorf("%d payloads are stored, want the 2 of the other load", n)
	}
	if err := publish(t, f, b); err != nil {
		t.Error(err)
	}
}

func TestEqualUIDsAreStoredApart(t *testing.T) {
	for _, freed := range []bool{false, true} {
		f := openModel(t, Config{})
		stored := newResource(1, 20)
		update(t, f, []made{stored})
		other := newResource(2, 20)
		other.revision.Info.UID = stored.revision.Info.UID
		c := claim(t, f)
		stage(t, f, c, 0, []made{other})
		want := []made{other, stored}
		if freed {
			if err := build(t, f).Revisions.Purge(t.Context(), []resource.ID{stored.meta.ResourceID}); err != nil {
				t.Fatal(err)
			}
			want = want[:1]
		}
		if err := publish(t, f, c); err != nil {
			t.Fatal(err)
		}
		for _, m := range want {
			got, err := build(t, f).Revisions.Get(t.Context(), m.revision.Info.Key())
			if err != nil || string(got.Data) != string(m.revision.Data) {
				t.Errorf("%s holds %s (%v), want %s", m.meta.ResourceID, got.Data, err, m.revision.Data)
			}
		}
		if n := count(t, f, dataRows); n != len(want) {
			t.Errorf("%d payloads are stored, want %d", n, len(want))
		}
	}
}

func TestDamagedContentIsReplaced(t *testing.T) {
	for _, damage := range []string{
		`UPDATE person_resource_data SET info = x'c1'`,
		`DELETE FROM person_resource_data`,
	} {
		f := openModel(t, Config{})
		m := newResource(1, 20)
		update(t, f, []made{m})
		err := f.do(t.Context(), "damage", func(x *tx) error {
			_, err := x.exec(damage)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		update(t, f, []made{m})
		got, err := build(t, f).Revisions.Get(t.Context(), m.revision.Info.Key())
		if err != nil || string(got.Data) != string(m.revision.Data) {
			t.Errorf("after %s the revision holds %s (%v), want what was saved", damage, got.Data, err)
		}
		if n := count(t, f, dataRows); n != 1 {
			t.Errorf("after %s %d payloads are stored, want 1", damage, n)
		}
	}
}

func TestWhatIsStagedOutlivesTheRemovalOfItsEqual(t *testing.T) {
	f := openModel(t, Config{})
	m := newResource(1, 20)
	update(t, f, []made{m})
	c := claim(t, f)
	stage(t, f, c, 0, []made{m})
	s := build(t, f)
	ids := []resource.ID{m.meta.ResourceID}
	if err := errors.Join(s.Revisions.Purge(t.Context(), ids), s.Metas.Delete(t.Context(), ids)); err != nil {
		t.Fatal(err)
	}
	if err := publish(t, f, c); err != nil {
		t.Fatal(err)
	}
	got, err := build(t, f).Revisions.Get(t.Context(), m.revision.Info.Key())
	if err != nil || string(got.Data) != string(m.revision.Data) {
		t.Errorf("revision holds %s (%v), want what was staged", got.Data, err)
	}
}
