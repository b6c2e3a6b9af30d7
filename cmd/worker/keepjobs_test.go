package main

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

func TestRunRemovesRowsOfOldJobs(t *testing.T) {
	dir := t.TempDir()
	open := func() *sqlite.Factory {
		t.Helper()
		f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := open()
	var rows []storage.Job
	for _, age := range []time.Duration{time.Hour, 6 * 24 * time.Hour, 8 * 24 * time.Hour} {
		for _, s := range []storage.JobState{storage.JobDone, storage.JobRefused, storage.JobCancelled, storage.JobDead} {
			at := time.Now().Add(-age)
			rows = append(rows, storage.Job{ID: uuid.New(), Kind: "save", State: s, Created: at, Finished: at})
		}
	}
	if _, err := f.Ledger().Insert(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	startRun(t, dir)
	want := map[storage.JobState]int64{storage.JobDone: 2, storage.JobRefused: 2, storage.JobCancelled: 2, storage.JobDead: 3}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got, err := f.Ledger().Count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got[storage.JobDone] == want[storage.JobDone] {
			for s, n := range want {
				if got[s] != n {
					t.Errorf("%d jobs are %s, want %d", got[s], s, n)
				}
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the jobs are %v, want %v", got, want)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTooShortMemoryOfJobsIsRefused(t *testing.T) {
	for _, keep := range []string{"1m", "-1h"} {
		r := cli(t, "run", "--listen", "off", "--store", "memory:", "--keep-jobs", keep, "-o", "json")
		if f := r.refusal(t); f.Code != codeUsage {
			t.Errorf("run --keep-jobs %s = %d %+v", keep, r.code, f)
		}
	}
}
