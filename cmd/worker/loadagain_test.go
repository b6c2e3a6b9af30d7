package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// A load that was submitted and not done, as after a kill, is continued by the
// same command, which finds nothing of its own in its way.
func TestTheSameLoadContinuesTheUnfinishedOne(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	var submitted, done loadResult
	cli(t, "submit", "load", "testdata/small.acbak", "--store", store, "-o", "json").into(t, &submitted)
	// Not a link to the same file, and compressed: the content decides.
	again := gzipped(t, mustRead(t, "testdata/small.acbak"))
	cli(t, "load", again, "--store", store, "-o", "json").into(t, &done)
	if done.JobID != submitted.JobID || done.State != storage.JobDone {
		t.Fatalf("submitted %s, then load ended %s as %s", submitted.JobID, done.JobID, done.State)
	}
	left, err := os.ReadDir(filepath.Join(strings.TrimPrefix(store, "sqlite:"), ".worker", "uploads"))
	if err != nil || len(left) != 0 {
		t.Fatalf("uploads after the load: %v, %v", left, err)
	}
	if r := cli(t, "load", again, "--store", store, "-o", "json").refusal(t); r.Code != "duplicate_resource" {
		t.Fatalf("a third load, of what is done: %+v", r)
	}
}

// Another way to treat duplicates is another job.
func TestALoadWithOtherOptionsIsAnotherJob(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	var submitted, done loadResult
	cli(t, "submit", "load", "testdata/small.acbak", "--store", store, "-o", "json").into(t, &submitted)
	cli(t, "load", "testdata/small.acbak", "--on-duplicate", "skip", "--store", store, "-o", "json").into(t, &done)
	if done.JobID == submitted.JobID {
		t.Fatal("skip continued a load with raise_error")
	}
	var rows []jobs.View
	if err := json.Unmarshal([]byte(cli(t, "jobs", "list", "--kind", "load", "--store", store, "-o", "json").ok(t)), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 {
		t.Fatalf("%d load jobs, want 2", len(rows))
	}
}
