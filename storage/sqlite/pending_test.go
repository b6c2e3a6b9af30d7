package sqlite

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/disk"
)

// media are what may keep the metas of a store in files of the original, by how the
// command line names them.
type media string

// eachMedia runs a test with metas in files of SQLite, and with a file for each.
func eachMedia(t *testing.T, test func(*testing.T, media)) {
	for _, m := range []media{"sqlite+disk", "disk"} {
		t.Run(string(m), func(t *testing.T) { test(t, m) })
	}
}

func (m media) config(t *testing.T, dir string, readOnly bool) Config {
	t.Helper()
	revisions, err := disk.Open(t.Context(), disk.Config{Dir: dir, ReadOnly: readOnly})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Dir: dir, Revisions: revisions, ReadOnly: readOnly}
	if m == "disk" {
		if c.Metas, err = disk.OpenMetas(t.Context(), disk.Config{Dir: dir, ReadOnly: readOnly}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// open opens a store with metas and revisions in files of the original.
func (m media) open(t *testing.T, dir string) *Factory {
	t.Helper()
	f, err := Open(t.Context(), m.config(t, dir, false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// empty opens an empty store with the model person.
func (m media) empty(t *testing.T) (f *Factory, dir string) {
	t.Helper()
	dir = t.TempDir()
	f = m.open(t, dir)
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	return f, dir
}

var anHour = time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)

func fileMeta(id resource.ID, n int) resource.Meta {
	return resource.Meta{ResourceID: id, CurrentRevisionID: id.Revision(n), TotalRevisionCount: n, CreatedTime: anHour, UpdatedTime: anHour, CreatedBy: "a", UpdatedBy: "a"}
}

func fileRevision(id resource.ID, n int) resource.Revision {
	return resource.Revision{Data: []byte(`{}`), Info: resource.RevisionInfo{
		UID: uuid.New(), ResourceID: id, RevisionID: id.Revision(n), Status: resource.Stable,
		CreatedTime: anHour, UpdatedTime: anHour, CreatedBy: "a", UpdatedBy: "a",
	}}
}

// counts returns how many metas and revisions the store has.
func counts(t *testing.T, f *Factory) (int64, int64) {
	t.Helper()
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	s, err := stores.Metas.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := stores.Revisions.Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Metas, n
}

// stop leaves what a process leaves that dies once the ledger has committed.
func stop(t *testing.T, f *Factory, kind string, v any) {
	t.Helper()
	if err := f.beside.commit(t.Context(), "stop in", func(x *tx) error { return x.addPending(kind, v) }); err != nil {
		t.Fatal(err)
	}
}

// A unit of work that was cut after its commit is finished by whoever comes next,
// but what another program has changed since stays.
func TestCutUnitIsFinished(t *testing.T) { eachMedia(t, cutUnitIsFinished) }

func cutUnitIsFinished(t *testing.T, media media) {
	f, dir := media.empty(t)
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{fileMeta("kept", 1), fileMeta("theirs", 5)}); err != nil {
		t.Fatal(err)
	}
	old := func(id resource.ID, n int) []byte { return fileMeta(id, n).Append(resource.JSON, nil) }
	stop(t, f, kindUnit, []effect{{Model: "person", Metas: []storage.MetaChange{
		{ID: "kept", Old: old("kept", 1), New: old("kept", 2)},
		{ID: "theirs", Old: old("theirs", 1), New: old("theirs", 2)},
		{ID: "new", New: old("new", 1)},
	}}})
	if cut, err := Unfinished(t.Context(), dir); !cut || err != nil {
		t.Fatalf("Unfinished = %v, %v; want true", cut, err)
	}
	for name, reader := range map[string]*Factory{"the same process": f, "the next process": media.open(t, dir)} {
		stores, err := reader.Build(t.Context(), "person")
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[resource.ID]int{"kept": 2, "theirs": 5, "new": 1} {
			m, err := stores.Metas.Get(t.Context(), id)
			if err != nil || m.TotalRevisionCount != want {
				t.Errorf("%s: %s has count %d, %v; want %d", name, id, m.TotalRevisionCount, err, want)
			}
		}
	}
	if cut, err := Unfinished(t.Context(), dir); cut || err != nil {
		t.Errorf("Unfinished = %v, %v; want false", cut, err)
	}
}

// Of a unit of work that was cut before its commit nothing stays.
func TestCutUnitThatDidNotCommitLeavesNothing(t *testing.T) {
	eachMedia(t, cutUnitThatDidNotCommitLeavesNothing)
}

func cutUnitThatDidNotCommitLeavesNothing(t *testing.T, media media) {
	f, dir := media.empty(t)
	w := f.beside.writer("person", map[string]storage.Content{}, func(ctx context.Context, entries []storage.Entry) error {
		return f.beside.intend(ctx, "person", entries)
	})
	if err := w.Put(t.Context(), []resource.Revision{fileRevision("p1", 1), fileRevision("p2", 1)}, func(resource.RevisionKey) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if err := w.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, n := counts(t, f); n != 2 {
		t.Fatalf("there are %d revisions before; want 2", n)
	}
	next := media.open(t, dir)
	if _, n := counts(t, next); n != 0 {
		t.Errorf("there are %d revisions afterwards; want none", n)
	}
	for c, err := range next.beside.medium.Model("person").Contents(t.Context()) {
		t.Errorf("content %s, %v stays", c.UID, err)
	}
}

// A load that was cut after its commit is published by whoever comes next.
func TestCutPublishIsFinished(t *testing.T) { eachMedia(t, cutPublishIsFinished) }

func cutPublishIsFinished(t *testing.T, media media) {
	f, dir := media.empty(t)
	_, claim, err := f.Ledger().Claim(t.Context(), storage.Job{ID: uuid.New(), Kind: "load"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for no, id := range []resource.ID{"p1", "p2"} {
		w := storage.ModelWrites{Metas: []resource.Meta{fileMeta(id, 1)}, Revisions: []resource.Revision{fileRevision(id, 1)}}
		s := storage.Staged{Chunk: storage.ChunkRef{Claim: claim, No: no}, Models: map[string]storage.ModelWrites{"person": w}}
		if err := f.Unit().Stage(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if metas, revisions := counts(t, f); metas != 0 || revisions != 0 {
		t.Fatalf("%d metas and %d revisions are visible before", metas, revisions)
	}
	stop(t, f, kindPublish, claim.Job)
	next := media.open(t, dir)
	if metas, revisions := counts(t, next); metas != 2 || revisions != 2 {
		t.Errorf("%d metas and %d revisions are there; want 2 and 2", metas, revisions)
	}
	if err := next.Unit().Unstage(t.Context(), storage.Claim{Job: claim.Job}); err != nil {
		t.Fatal(err)
	}
	if _, revisions := counts(t, next); revisions != 2 {
		t.Errorf("%d revisions stay; want 2", revisions)
	}
}

// The contents of a staged chunk stay as long as the chunk counts as done: also when
// it was being forgotten and that did not commit.
func TestUnstageThatFailsLosesNoContent(t *testing.T) { eachMedia(t, unstageThatFailsLosesNoContent) }

func unstageThatFailsLosesNoContent(t *testing.T, media media) {
	f, dir := media.empty(t)
	_, claim, err := f.Ledger().Claim(t.Context(), storage.Job{ID: uuid.New(), Kind: "load"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w := storage.ModelWrites{Metas: []resource.Meta{fileMeta("p1", 1)}, Revisions: []resource.Revision{fileRevision("p1", 1)}}
	s := storage.Staged{Chunk: storage.ChunkRef{Claim: claim}, Models: map[string]storage.ModelWrites{"person": w}}
	if err := f.Unit().Stage(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	contents := func(f *Factory) (n int) {
		for _, err := range f.beside.medium.Model("person").Contents(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	cut := errors.New("cut")
	err = f.do(t.Context(), "forget in", func(t1 *tx) error {
		return errors.Join(f.unstage(jobs{t: t1, store: f.identity.number}, claim.Job), cut)
	})
	if !errors.Is(err, cut) || contents(f) != 1 {
		t.Fatalf("%d contents are there, %v; want 1", contents(f), err)
	}
	next := media.open(t, dir)
	if chunks, err := next.Ledger().Chunks(t.Context(), claim.Job); err != nil || len(chunks) != 1 || contents(next) != 1 {
		t.Fatalf("%d chunks are done, %d contents are there, %v; want 1 and 1", len(chunks), contents(next), err)
	}
	if err := next.Unit().Unstage(t.Context(), claim); err != nil || contents(next) != 0 {
		t.Errorf("%d contents stay, %v", contents(next), err)
	}
}

// A program that writes between the reads of a unit and its commit makes it compute
// again.
func TestWritesOfAnotherProgramAreSeen(t *testing.T) { eachMedia(t, writesOfAnotherProgramAreSeen) }

func writesOfAnotherProgramAreSeen(t *testing.T, media media) {
	f, _ := media.empty(t)
	r := storage.Ref{Model: "person", ID: "p1"}
	calls := 0
	err := f.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{r}}, func(v storage.View) (storage.Writes, error) {
		if calls++; calls == 1 { // as the original does
			m := fileMeta("p1", 7)
			if err := f.beside.changing(t.Context(), "person", func(x storage.MetaTx) error {
				return x.Set([]storage.MetaChange{{ID: "p1", New: m.Append(resource.JSON, nil)}})
			}); err != nil {
				return storage.Writes{}, err
			}
		}
		n := v.NextNumber(r)
		w := storage.ModelWrites{Metas: []resource.Meta{fileMeta("p1", n)}, Revisions: []resource.Revision{fileRevision("p1", n)}}
		return storage.Writes{Models: map[string]storage.ModelWrites{"person": w}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stores.Metas.Get(t.Context(), "p1")
	if err != nil || m.TotalRevisionCount != 8 || calls != 2 {
		t.Errorf("after %d calls the meta counts %d, %v; want 2 calls and 8", calls, m.TotalRevisionCount, err)
	}
	if _, revisions := counts(t, f); revisions != 1 {
		t.Errorf("%d revisions; want the one of the second call", revisions)
	}
}

// A store in which only the original has written is read without a trace.
func TestForeignFilesAreReadWithoutATrace(t *testing.T) {
	eachMedia(t, foreignFilesAreReadWithoutATrace)
}

func foreignFilesAreReadWithoutATrace(t *testing.T, media media) {
	dir := t.TempDir()
	theirs := media.config(t, dir, false)
	if theirs.Metas == nil {
		theirs.Metas = newMetaFiles(&Factory{dir: dir, ended: t.Context()})
	}
	stored := fileMeta("p1", 1).Append(resource.Msgpack, nil)
	err := (&beside{metas: theirs.Metas}).changing(t.Context(), "person", func(x storage.MetaTx) error {
		return x.Set([]storage.MetaChange{{ID: "p1", New: stored}})
	})
	if err := errors.Join(err, theirs.Metas.Close(), theirs.Revisions.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(t.Context(), media.config(t, dir, true))
	if err != nil {
		t.Fatal(err)
	}
	models, err := f.Models(t.Context())
	if err != nil || len(models) != 1 || models[0].Name != "person" || f.Traits().Metas != resource.Msgpack {
		t.Errorf("models %+v, %v in %s", models, err, f.Traits().Metas)
	}
	if metas, _ := counts(t, f); metas != 1 {
		t.Errorf("%d metas; want 1", metas)
	}
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "x"}); !errors.Is(err, errReadOnly) {
		t.Errorf("SaveModel = %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(dir + "/.worker") {
		t.Error("reading made a directory")
	}
	f = media.open(t, dir)
	metas, err := f.beside.modelMetas(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	now, err := metas.Find(t.Context(), []resource.ID{"p1"})
	if err != nil || !bytes.Equal(now["p1"], stored) {
		t.Errorf("the stored meta is %x, %v", now["p1"], err)
	}
}
