package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSave(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	lines := strings.Join([]string{
		`{"op":"create","resource_id":"note:1","data":{"b":1,"a":[1.0,"é"]},"user":"alice","time":"2024-03-01T08:00:00Z","id":"first"}`,
		`{"op":"update","resource_id":"note:1","data":{"b":2},"user":"bob","time":"2024-03-01T08:01:00Z","status":"draft","expected_revision_id":"note:1:1"}`,
		`{"op":"create","resource_id":"note:1","data":{},"id":"third"}`,
		``,
		`{"op":"upsert","resource_id":"note:2","data":{"x":1}}`,
		`{"op":"delete","resource_id":"note:2"}`,
		`{"op":"restore","resource_id":"note:2"}`,
		`{"op":"purge","resource_id":"note:2"}`,
		`not json`,
		`{"op":"update","resource_id":"note:1","data":{},"colour":"red"}`,
		`{"op":"create","resource_id":"note:1","data":{"b":1,"a":[1.0,"é"]},"user":"alice","time":"2024-03-01T08:00:00Z","id":"first"}`,
		`{"op":"delete","resource_id":"note:1","id":"first"}`,
		`{"op":"update","resource_id":"note:9","data":{}}`,
		`{"op":"upsert","resource_id":"note:3","data":{},"order":"soon"}`,
	}, "\n")
	r := cliIn(t, lines, "save", "note", "--from", "-", "--store", store, "-o", "json")
	var sum saveResult
	r.into(t, &sum)
	if r.code != exitPartly || sum.Done != 6 || sum.Refused != 7 || sum.Dead != 0 {
		t.Fatalf("save = %d %+v", r.code, sum)
	}
	codes := map[int]string{}
	for _, e := range sum.Errors {
		codes[e.Line] = e.Code
		if e.Message == "" {
			t.Errorf("no message for line %d", e.Line)
		}
	}
	for line, want := range map[int]string{
		3: "exists", 8: "unsupported", 9: "invalid", 10: "invalid", 12: "job_differs", 13: "not_found", 14: "invalid",
	} {
		if codes[line] != want {
			t.Errorf("line %d: code %q; want %q", line, codes[line], want)
		}
	}
	var got struct {
		Meta, Info map[string]any
	}
	cli(t, "get", "note", "note:1", "--store", store, "-o", "json").into(t, &got)
	if got.Meta["rev_status"] != "draft" || got.Meta["updated_by"] != "bob" || got.Meta["created_by"] != "alice" ||
		got.Meta["created_time"] != "2024-03-01T08:00:00Z" || got.Info["parent_revision_id"] != "note:1:1" {
		t.Fatalf("note:1 = %+v", got)
	}

	t.Run("the same job again has no second effect", func(t *testing.T) {
		first := strings.SplitN(lines, "\n", 2)[0]
		var again saveResult
		cliIn(t, first, "save", "note", "--from", "-", "--store", store, "-o", "json").into(t, &again)
		if again.Done != 1 {
			t.Fatalf("again = %+v", again)
		}
		other := cliIn(t, `{"op":"delete","resource_id":"note:1","id":"first"}`, "save", "note", "--from", "-", "--store", store, "-o", "json")
		other.into(t, &again)
		if other.code != exitPartly || again.Dead != 1 || again.Errors[0].Code != "job_differs" {
			t.Fatalf("another operation under a used id = %d %+v", other.code, again)
		}
	})
	t.Run("jobs", func(t *testing.T) {
		var view struct {
			JobID, Kind, Model, State string
			Progress                  map[string]int64
			Error                     map[string]any
		}
		r := cli(t, "jobs", "show", "first", "--store", store, "-o", "json")
		r.into(t, &view)
		if view.Kind != "save" || view.Model != "note" || view.State != "done" || !strings.Contains(r.stdout, `"job_id": "first"`) {
			t.Fatalf("job = %s", r.stdout)
		}
		var refused []struct {
			JobID string `json:"job_id"`
			Error struct{ Code string }
		}
		cli(t, "jobs", "list", "--state", "refused", "--kind", "save", "--model", "note", "--limit", "2", "--store", store, "-o", "json").into(t, &refused)
		if len(refused) != 2 || refused[0].Error.Code == "" {
			t.Fatalf("refused jobs = %+v", refused)
		}
		if r := cli(t, "jobs", "cancel", "first", "--store", store, "-o", "json"); r.refusal(t).Code != "final" {
			t.Fatalf("cancel of a job that is done = %+v", r)
		}
		if r := cli(t, "jobs", "retry", "first", "--store", store, "-o", "json"); r.code != exitError {
			t.Fatalf("retry of a job that is done = %+v", r)
		}
		cli(t, "jobs", "drop", "first", "--store", store).ok(t)
		if r := cli(t, "jobs", "show", "first", "--store", store, "-o", "json"); r.refusal(t).Code != codeNotFound {
			t.Fatalf("show of a dropped job = %+v", r)
		}
		cli(t, "jobs", "drop", "--all", "--state", "refused", "--store", store).ok(t)
		if left := cli(t, "jobs", "list", "--state", "refused", "--store", store, "-o", "json").ok(t); left != "[]\n" {
			t.Fatalf("left after drop --all: %s", left)
		}
	})
}

func TestSavesThatComeTooLateAreSuperseded(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	lines := strings.Join([]string{
		`{"op":"upsert","resource_id":"note:3","data":{"v":7},"order":7}`,
		`{"op":"upsert","resource_id":"note:3","data":{"v":6},"order":6}`,
		`{"op":"upsert","resource_id":"note:3","data":{"v":5},"order":-1,"id":"late"}`,
		`{"op":"upsert","resource_id":"note:4","data":{},"order":"none"}`,
	}, "\n")
	var sum saveResult
	r := cliIn(t, lines, "save", "note", "--from", "-", "--store", store, "-o", "json")
	r.into(t, &sum)
	if r.code != 0 || sum.Done != 2 || sum.Superseded != 2 || sum.Refused+sum.Dead != 0 {
		t.Fatalf("save = %d %+v", r.code, sum)
	}
	var got struct{ Data map[string]int }
	cli(t, "get", "note", "note:3", "--store", store, "-o", "json").into(t, &got)
	if got.Data["v"] != 7 {
		t.Errorf("note:3 = %+v", got)
	}
	var late struct {
		State   string
		Outcome struct{ Outcomes []map[string]string }
	}
	cli(t, "jobs", "show", "late", "--store", store, "-o", "json").into(t, &late)
	if late.State != "done" || len(late.Outcome.Outcomes) != 1 || late.Outcome.Outcomes[0]["code"] != "superseded" || late.Outcome.Outcomes[0]["message"] == "" {
		t.Errorf("job late = %+v", late)
	}
}

func TestSubmitWaitsForTheNextWorker(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	var saves struct {
		JobIDs []string `json:"job_ids"`
	}
	cliIn(t, `{"op":"create","resource_id":"note:1","data":{},"id":"s1"}`+"\n"+`{"op":"create","resource_id":"note:2","data":{},"id":"s2"}`,
		"submit", "save", "note", "--from", "-", "--store", store, "-o", "json").into(t, &saves)
	if len(saves.JobIDs) != 2 || saves.JobIDs[0] != "s1" {
		t.Fatalf("submit save = %+v", saves)
	}
	var load struct {
		JobID string `json:"job_id"`
	}
	cli(t, "submit", "load", "testdata/small.acbak", "--store", store, "-o", "json").into(t, &load)
	if state(t, store, load.JobID) != "queued" {
		t.Fatalf("load = %+v", load)
	}
	uploads := filepath.Join(strings.TrimPrefix(store, "sqlite:"), ".worker", "uploads")
	if all, err := os.ReadDir(uploads); err != nil || len(all) != 1 {
		t.Fatalf("uploads of a waiting load: %v, %v", all, err)
	}
	// A load without an owner consumes; what waits is done meanwhile or by the next.
	cli(t, "backfill", "--store", store).ok(t)
	eventually(t, "the submitted jobs to be done", func() bool {
		cli(t, "backfill", "--store", store, "-q").ok(t)
		return state(t, store, load.JobID) == "done" && cli(t, "jobs", "show", "s2", "--store", store).code == exitOK
	})
	if all, err := os.ReadDir(uploads); err != nil || len(all) != 0 {
		t.Fatalf("uploads after the load: %v, %v", all, err)
	}
}

func TestRetryAndCancel(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	var job struct {
		JobID string `json:"job_id"`
	}
	cli(t, "submit", "backfill", "nobody", "--store", store, "-o", "json").into(t, &job)
	cli(t, "jobs", "cancel", job.JobID, "--store", store).ok(t)
	if s := state(t, store, job.JobID); s != "cancelled" {
		t.Fatalf("after cancel the job is %s", s)
	}
	cli(t, "jobs", "retry", "--all", "--state", "cancelled", "--store", store).ok(t)
	if s := state(t, store, job.JobID); s != "queued" {
		t.Fatalf("after retry the job is %s", s)
	}
	eventually(t, "the retried job to end", func() bool {
		cli(t, "backfill", "--store", store, "-q").ok(t)
		return state(t, store, job.JobID) == "refused"
	})
}

func TestRetryOfALoadNeedsItsArchive(t *testing.T) {
	store := loaded(t)
	var waited struct {
		Error failure `json:"error"`
	}
	cli(t, "load", "testdata/small.acbak", "--store", store, "-o", "json").into(t, &waited)
	var gone struct {
		Error failure `json:"error"`
	}
	cli(t, "jobs", "retry", waited.Error.JobID, "--store", store, "-o", "json").into(t, &gone)
	if gone.Error.Code != "source_not_found" || state(t, store, waited.Error.JobID) != "refused" {
		t.Fatalf("retry without the archive = %+v", gone)
	}

	var submitted struct {
		JobID string `json:"job_id"`
	}
	cli(t, "submit", "load", "testdata/small.acbak", "--store", store, "-o", "json").into(t, &submitted)
	eventually(t, "the submitted load to be refused", func() bool {
		cli(t, "backfill", "--store", store, "-q").ok(t)
		return state(t, store, submitted.JobID) == "refused"
	})
	if r := cli(t, "jobs", "retry", "--all", "--store", store); r.code != exitPartly || !strings.Contains(r.stderr, waited.Error.JobID) {
		t.Fatalf("retry of two loads, one without its archive = %+v", r)
	}
	if s := state(t, store, submitted.JobID); s != "queued" {
		t.Fatalf("after retry the load is %s", s)
	}
	cli(t, "jobs", "cancel", submitted.JobID, "--store", store).ok(t)
	cli(t, "jobs", "drop", submitted.JobID, "--store", store).ok(t)
	uploads := filepath.Join(strings.TrimPrefix(store, "sqlite:"), ".worker", "uploads")
	if all, err := os.ReadDir(uploads); err != nil || len(all) != 0 {
		t.Fatalf("uploads after the drop: %v, %v", all, err)
	}
}

func TestDroppedJobIsNotDoneAgain(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	var job struct {
		JobID string `json:"job_id"`
	}
	cli(t, "submit", "backfill", "nobody", "--store", store, "-o", "json").into(t, &job)
	if r := cli(t, "jobs", "drop", job.JobID, "--store", store, "-o", "json"); r.refusal(t).Code != "not_final" {
		t.Fatalf("drop of a waiting job = %+v", r)
	}
	cli(t, "jobs", "cancel", job.JobID, "--store", store).ok(t)
	cli(t, "jobs", "drop", job.JobID, "--store", store).ok(t)
	// A job that is submitted later ends after the dropped one would have begun.
	for range 2 {
		cli(t, "backfill", "--store", store, "-q").ok(t)
	}
	if r := cli(t, "jobs", "show", job.JobID, "--store", store); r.code != exitError {
		t.Fatalf("the dropped job is there again: %+v", r)
	}
}
