package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// watchedLoad is a load of 20 resources in two chunks, in a store that this process
// opened beside the commands.
type watchedLoad struct {
	t    *testing.T
	f    *sqlite.Factory
	job  storage.Job
	plan storage.Plan
}

func newWatchedLoad(t *testing.T, dir string) watchedLoad {
	t.Helper()
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	w := watchedLoad{t: t, f: f, job: storage.Job{ID: uuid.New(), Text: "nightly", Kind: "load"}}
	w.plan = storage.Plan{Digest: bytes.Repeat([]byte{1}, storage.PlanDigestBytes), Chunks: 2, Total: 20}
	w.must(f.Ledger().Suspend(t.Context(), w.claim(w.job), time.Now().Add(time.Hour), &w.plan, storage.Progress{Total: 20}))
	return w
}

func (w watchedLoad) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w watchedLoad) claim(j storage.Job) storage.Claim {
	w.t.Helper()
	_, c, err := w.f.Ledger().Claim(w.t.Context(), j, time.Hour)
	w.must(err)
	return c
}

func (w watchedLoad) end(j storage.Job, units int64) {
	w.t.Helper()
	final := storage.Final{State: storage.JobDone, Outcome: []byte(`{}`), Progress: storage.Progress{Done: units, Total: units}}
	w.must(w.f.Ledger().Finish(w.t.Context(), w.claim(j), final))
}

// chunk does a chunk, as a worker on some host.
func (w watchedLoad) chunk(no int) {
	w.t.Helper()
	outcome, err := json.Marshal(manager.ChunkOutcome{
		Models: map[string]manager.LoadStats{"person": {Total: 10}}, Units: 10, Worker: "host-7", Began: time.Now().Add(-time.Second), Millis: 900,
	})
	w.must(err)
	ref := storage.ChunkRef{Claim: storage.Claim{Job: w.job.ID}, No: no, Plan: w.plan.Digest}
	w.must(w.f.Unit().Update(w.t.Context(), storage.Batch{Chunk: &ref}, func(storage.View) (storage.Writes, error) { return storage.Writes{Chunk: outcome}, nil }))
}

// lines are documents, one a line.
type lines struct {
	t *testing.T
	r *bufio.Reader
}

// until reads documents until one is as wanted.
func (l lines) until(what string, is func(jobs.Tree) bool) {
	l.t.Helper()
	for {
		line, err := l.r.ReadBytes('\n')
		if err != nil {
			l.t.Fatalf("%s: %v", what, err)
		}
		var tree jobs.Tree
		if err := json.Unmarshal(line, &tree); err != nil {
			l.t.Fatalf("%s: %v", line, err)
		}
		if is(tree) {
			return
		}
	}
}

func TestWatchFollowsStagesAndCausedJobs(t *testing.T) {
	dir := t.TempDir()
	w := newWatchedLoad(t, dir)
	w.chunk(0)
	r, pipe := io.Pipe()
	t.Cleanup(func() { _ = r.Close() })
	var errs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		code := Run(t.Context(), []string{"jobs", "watch", "nightly", "--store", "sqlite:" + dir, "-o", "ndjson"}, strings.NewReader(""), pipe, &errs)
		_ = pipe.Close()
		ended <- code
	}()
	out := lines{t, bufio.NewReader(r)}
	out.until("a chunk is done", func(v jobs.Tree) bool {
		p := v.Progress
		return p.Stage == jobs.StageChunks && p.Chunks.Done == 1 && p.Done == 10 && p.Total == 20 && p.Rate > 0 && len(p.Workers) == 1
	})
	w.chunk(1)
	out.until("all chunks are done", func(v jobs.Tree) bool { return v.Progress.Stage == jobs.StagePublishing && v.Progress.Done == 20 })
	fill := storage.Job{ID: uuid.New(), Kind: "backfill", Model: "person", Parent: w.job.ID}
	_, err := w.f.Ledger().Insert(t.Context(), []storage.Job{fill})
	w.must(err)
	w.end(w.job, 20)
	out.until("the load is done", func(v jobs.Tree) bool {
		return v.State == storage.JobDone && v.Together.Jobs == 2 && v.Together.Ended == 1 && v.Caused[0].State == storage.JobQueued
	})
	w.end(fill, 5)
	out.until("all is done", func(v jobs.Tree) bool {
		return v.Together.Ended == 2 && v.Together.Done == 25 && v.Together.Total == 25 && string(v.Outcome) == "{}"
	})
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	for _, want := range []string{"load, chunks: done, 2 of 2 chunks (100%)", "load, publishing: done", "load, backfill person: done", "load: done, 25 of 25 resources (100%), 2 of 2 jobs ended"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("the lines lack %q:\n%s", want, errs.String())
		}
	}
}

// A job that has ended before is not waited for, whatever it was; one that another waits
// for long is not either.
func TestWatchOfWhatHasEndedReturns(t *testing.T) {
	dir := t.TempDir()
	w := newWatchedLoad(t, dir)
	e := jobs.Envelope{ID: "fill", User: "u", Lane: jobs.LaneBulk, Args: jobs.Backfill{}}
	message, err := e.Encode()
	w.must(err)
	fill := storage.Job{ID: uuid.New(), Text: "fill", Kind: "backfill", Envelope: message}
	_, err = w.f.Ledger().Insert(t.Context(), []storage.Job{fill, {ID: uuid.New(), Text: "later", Kind: "backfill", Parent: fill.ID, NotBefore: time.Now().Add(time.Hour)}})
	w.must(err)
	w.end(fill, 3)
	var tree jobs.Tree
	cli(t, "jobs", "watch", "fill", "--store", "sqlite:"+dir, "-o", "json").into(t, &tree)
	if tree.State != storage.JobDone || len(tree.Caused) != 1 || tree.Caused[0].JobID != "later" || tree.Caused[0].NotBefore.IsZero() {
		t.Errorf("the job is %+v", tree)
	}
	if out := cli(t, "jobs", "watch", "fill", "--store", "sqlite:"+dir).ok(t); !strings.Contains(out, "later") {
		t.Errorf("the caused job is not shown:\n%s", out)
	}
}

func TestListAndShowOfADividedLoad(t *testing.T) {
	dir := t.TempDir()
	w := newWatchedLoad(t, dir)
	w.chunk(1)
	store := "sqlite:" + dir
	if out := cli(t, "jobs", "list", "--store", store).ok(t); !strings.Contains(out, "10/20 (chunks 1/2)") {
		t.Errorf("list:\n%s", out)
	}
	var list []jobs.View
	cli(t, "jobs", "list", "--state", "running", "--store", store, "-o", "json").into(t, &list)
	if len(list) != 1 || list[0].Progress.Done != 10 || list[0].Progress.Chunks.Total != 2 {
		t.Errorf("list = %+v", list)
	}
	var shown jobs.Tree
	cli(t, "jobs", "show", "nightly", "--store", store, "-o", "json").into(t, &shown)
	if p := shown.Progress; p.Stage != jobs.StageChunks || p.Done != 10 || p.Workers[0].Worker != "host-7" || p.Remaining == 0 {
		t.Errorf("show = %+v", p)
	}
	out := cli(t, "jobs", "show", "nightly", "--store", store).ok(t)
	for _, want := range []string{"stage      chunks", "/s, ", " left", "host-7: 1 chunks, 10 resources in the last 10 s"} {
		if !strings.Contains(out, want) {
			t.Errorf("show lacks %q:\n%s", want, out)
		}
	}
}
