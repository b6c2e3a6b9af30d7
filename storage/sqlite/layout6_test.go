package sqlite

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// unpackLayout6 writes a store that the last program of layout 6 made of that of
// layout 5: a job was cancelled, which is in the trail, one waits for its time, and one has
// staged a chunk under a claim that has run out.
func unpackLayout6(t *testing.T) string { return unpackLayout(t, 6) }

func testPlan() storage.Plan {
	return storage.Plan{Digest: bytes.Repeat([]byte{7}, storage.PlanDigestBytes), Chunks: 2, Total: 9, Body: []byte("body")}
}

func dueOf(t *testing.T, f *Factory) (ids []uuid.UUID) {
	t.Helper()
	due, err := f.Ledger().Due(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range due {
		ids = append(ids, j.ID)
	}
	return ids
}

func TestUpgradeFromLayout6KeepsEverything(t *testing.T) {
	f := upgradeKeepsEverything(t, unpackLayout6(t), 6, 15)
	l, half := f.Ledger(), storage.Job{ID: layout2Job("half")}
	_, c, err := l.Claim(t.Context(), half, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	p := testPlan()
	if err := l.Suspend(t.Context(), c, time.Time{}, &p, storage.Progress{}); !errors.Is(err, storage.ErrPlanned) {
		t.Errorf("a load that was half done is planned: %v", err)
	}
	if err := f.Unit().Unstage(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := l.Suspend(t.Context(), c, time.Time{}, &p, storage.Progress{}); err != nil {
		t.Fatal(err)
	}
	if got := dueOf(t, f); !slices.Equal(got, []uuid.UUID{layout2Job("parked"), half.ID}) {
		t.Errorf("due are %v", got)
	}
	upgradedFileWorks(t, f)
}

func TestJobsOfLayout6AreReadAsTheyAre(t *testing.T) {
	dir := unpackLayout6(t)
	f := open(t, Config{Dir: dir, ReadOnly: true})
	half := layout2Job("half")
	if got := dueOf(t, f); !slices.Equal(got, []uuid.UUID{layout2Job("parked")}) {
		t.Errorf("due are %v", got)
	}
	if _, err := f.Ledger().Plan(t.Context(), half); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("plan: %v", err)
	}
	if n, err := f.Ledger().CountChunks(t.Context(), half); n != 1 || err != nil {
		t.Errorf("%d chunks, %v", n, err)
	}
	if n := entries(t, f); n != 1 {
		t.Errorf("%d entries are in the trail", n)
	}
	if v := layoutOf(t, dir); v != 6 {
		t.Errorf("the layout is %d after reading", v)
	}
}

// A program of layout 6 that has the file open goes on working: it finds what is queued
// and due by the index that it names, and leaves suspended jobs alone.
func TestProgramOfLayout6GoesOnBesideANewOne(t *testing.T) {
	dir := unpackLayout6(t)
	raw := rawDB(t, dir)
	f := open(t, Config{Dir: dir})
	p := testPlan()
	_, c, err := f.Ledger().Claim(t.Context(), storage.Job{ID: uuid.New(), Kind: "load"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Ledger().Suspend(t.Context(), c, time.Time{}, &p, storage.Progress{}); err != nil {
		t.Fatal(err)
	}
	var n int
	err = raw.QueryRow(`SELECT count(*) FROM specstar_jobs INDEXED BY specstar_jobs_due WHERE not_before > 0 AND state = 'queued' AND not_before <= ?`,
		time.Now().UnixMicro()).Scan(&n)
	if n != 1 || err != nil {
		t.Errorf("%d jobs are due to it, %v", n, err)
	}
}
