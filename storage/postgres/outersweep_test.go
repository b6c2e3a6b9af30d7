package postgres

import (
	"fmt"
	"testing"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/outer"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// putLost stores contents that nothing leads to.
func putLost(t *testing.T, m *memoryModel, n int) {
	t.Helper()
	for i := range n {
		if _, err := m.Put(t.Context(), []storage.Content{{UID: fmt.Sprint("lost ", i), Info: []byte("i"), Data: []byte("data")}}); err != nil {
			t.Fatal(err)
		}
	}
}

func wantSize(t *testing.T, m *memoryModel, entries, contents int) {
	t.Helper()
	if e, c := m.size(); e != entries || c != contents {
		t.Errorf("%d entries and %d contents are left, want %d and %d", e, c, entries, contents)
	}
}

func TestOuterSweepRemovesOldLostContentsAlone(t *testing.T) {
	medium := &memoryMedium{}
	f := openSwept(t, Config{Revisions: medium})
	m := medium.model("person")
	makeSwept(t, f, 0, 5)
	c, ended := claimSwept(t, f), claimSwept(t, f)
	stageSwept(t, f, c, 0, 10, 3)
	stageSwept(t, f, ended, 0, 20, 4)
	endSwept(t, f, ended)
	putLost(t, m, sweepBatch+7)
	if found := sweepOf(t, f, storage.SweepOptions{Remove: true}); found.Payloads.Count != 0 || found.Chunks.Count != 1 || found.Chunks.Bytes == 0 {
		t.Errorf("the sweep finds %+v", found)
	}
	m.age(2 * outerGrace)
	for _, o := range []storage.SweepOptions{{}, {Orphans: true}, {Remove: true}} {
		found := sweepOf(t, f, o)
		if found.Payloads.Count != sweepBatch+7 || found.Payloads.Bytes != 5*(sweepBatch+7) || found.Chunks.Count != 0 || found.Orphans.Count != 0 {
			t.Errorf("the sweep finds %+v", found)
		}
	}
	wantSize(t, m, 5, 8)
	if err := f.Unit().Publish(t.Context(), c, storage.Final{State: storage.JobDone}); err != nil {
		t.Fatal(err)
	}
	if found := sweepOf(t, f, storage.SweepOptions{Remove: true, Orphans: true}); found.Payloads.Count+found.Chunks.Count+found.Orphans.Count != 0 {
		t.Errorf("a second sweep finds %+v", found)
	}
	wantSize(t, m, 8, 8)
}

func TestOuterSweepRemovesOrphans(t *testing.T) {
	medium := &memoryMedium{}
	f := openSwept(t, Config{Revisions: medium})
	m := medium.model("person")
	const n = 2*sweepBatch + 2*orphansBatch + 10
	makeSwept(t, f, 0, n)
	sql(t, f, `DELETE FROM person_meta WHERE resource_id >= $1`, string(sweptID(n-3*orphansBatch)))
	for _, o := range []storage.SweepOptions{{}, {Remove: true}, {Orphans: true}} {
		found := sweepOf(t, f, o)
		if found.Orphans.Count != 3*orphansBatch || found.Orphans.Bytes == 0 || len(found.Resources) != storage.MaxOrphans || found.Resources[0].ID != sweptID(n-3*orphansBatch) {
			t.Errorf("the sweep finds %+v", found.Orphans)
		}
	}
	wantSize(t, m, n-3*orphansBatch, n-3*orphansBatch)
	if got := number(t, f, metaCount); got != n-3*orphansBatch {
		t.Errorf("%d metas are left", got)
	}
}

// A resource that has got a meta since it was found keeps its revisions.
func TestOuterSweepLooksAgain(t *testing.T) {
	medium := &memoryMedium{}
	f := openSwept(t, Config{Revisions: medium})
	makeSwept(t, f, 0, 2)
	sql(t, f, `CREATE TABLE kept AS SELECT * FROM person_meta`)
	sql(t, f, `DELETE FROM person_meta`)
	putLost(t, medium.model("person"), 2)
	medium.model("person").age(2 * outerGrace)
	s := sweeper{f: f}
	if err := s.lookOuter(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.found.Orphans.Count != 2 || s.found.Payloads.Count != 2 {
		t.Fatalf("the sweep finds %+v", s.found)
	}
	sql(t, f, `INSERT INTO person_meta SELECT * FROM kept WHERE resource_id = $1`, string(sweptID(0)))
	c := claimSwept(t, f)
	models := []staged.Model{{Name: "person", Entries: []staged.Entry{{UID: "lost 0"}}}}
	sql(t, f, `INSERT INTO specstar_chunks (store, job, no, staged) VALUES ($1, $2, 0, $3)`, f.identity.number, [16]byte(c.Job), staged.UIDs.Append(nil, models))
	if err := s.removeOuter(t.Context(), storage.SweepOptions{Remove: true, Orphans: true}); err != nil {
		t.Fatal(err)
	}
	wantSize(t, medium.model("person"), 1, 2)
}

func TestOuterPayloadsAreAllContents(t *testing.T) {
	medium := &memoryMedium{}
	f := openSwept(t, Config{Revisions: medium})
	makeSwept(t, f, 0, outer.PageSize+5)
	putLost(t, medium.model("nobody's"), 3)
	big := storage.Content{UID: "big", Info: []byte("i"), Data: noise(outer.PageBytes + 1)}
	half := storage.Content{UID: "half", Data: []byte("its info was never written")}
	if err := medium.model("nobody's").Replace(t.Context(), []storage.Content{big, half}); err != nil {
		t.Fatal(err)
	}
	var named, unnamed int
	for p, err := range f.Garbage().Payloads(t.Context()) {
		switch {
		case err != nil:
			t.Fatal(err)
		case p.Model == "person" && p.Resource != "":
			named++
		case p.Model == "nobody's" && p.Resource == "":
			unnamed++
		default:
			t.Errorf("payload %+v", p)
		}
	}
	if named != outer.PageSize+5 || unnamed != 4 {
		t.Errorf("%d payloads of the model and %d others, want %d and 4", named, unnamed, outer.PageSize+5)
	}
	for p, err := range f.Garbage().Payloads(t.Context()) {
		if err != nil || p.Data == nil {
			t.Errorf("payload %+v, %v", p, err)
		}
		break // leaves the pages early
	}
}
