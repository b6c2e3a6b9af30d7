package jobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// divided is a job of a store that is done in chunks.
type divided struct {
	t    *testing.T
	f    storage.Factory
	job  storage.Job
	plan storage.Plan
}

func newDivided(t *testing.T, f storage.Factory, kind string, chunks int, total int64) divided {
	t.Helper()
	d := divided{t: t, f: f, job: storage.Job{ID: uuid.New(), Text: "the " + kind, Kind: kind}}
	d.plan = storage.Plan{Digest: bytes.Repeat([]byte{1}, storage.PlanDigestBytes), Chunks: chunks, Total: total}
	if err := f.Ledger().Suspend(t.Context(), d.claim(), time.Now().Add(time.Hour), &d.plan, storage.Progress{Total: total}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d divided) claim() storage.Claim {
	d.t.Helper()
	_, c, err := d.f.Ledger().Claim(d.t.Context(), d.job, time.Hour)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// do does a chunk, as a worker that took a second for it and ended at a time.
func (d divided) do(no int, units int64, worker string, ended time.Time) {
	d.t.Helper()
	outcome, err := json.Marshal(manager.ChunkOutcome{
		Models: map[string]manager.LoadStats{"person": {Total: units}}, Units: units, Worker: worker, Began: ended.Add(-time.Second), Millis: 1000,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	ref := storage.ChunkRef{Claim: storage.Claim{Job: d.job.ID}, No: no, Plan: d.plan.Digest}
	err = d.f.Unit().Update(d.t.Context(), storage.Batch{Chunk: &ref}, func(storage.View) (storage.Writes, error) { return storage.Writes{Chunk: outcome}, nil })
	if err != nil {
		d.t.Fatal(err)
	}
}

// progress is how far the job is seen to be at a time.
func (d divided) progress(now time.Time) jobs.ProgressView {
	d.t.Helper()
	row, err := d.f.Ledger().Get(d.t.Context(), d.job.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	v, err := jobs.LiveView(d.t.Context(), d.f.Ledger(), row, now)
	if err != nil {
		d.t.Fatal(err)
	}
	return v.Progress
}

func TestProgressOfADividedJobIsThatOfItsChunks(t *testing.T) {
	d := newDivided(t, memory.New(), "load", 5, 5000)
	now := time.Now().UTC()
	want := jobs.ProgressView{Total: 5000, Stage: jobs.StageChunks, Chunks: &jobs.ChunksView{Total: 5}}
	if diff := cmp.Diff(want, d.progress(now)); diff != "" {
		t.Errorf("before the first chunk: %s", diff)
	}
	d.do(3, 1000, "host-1", now.Add(-5*time.Minute)) // before a pause: it says nothing about how fast it is now
	d.do(0, 1000, "host-1", now.Add(-19*time.Second))
	d.do(4, 1000, "host-2", now.Add(-9*time.Second))
	d.do(1, 1000, "host-1", now.Add(-time.Second))
	want = jobs.ProgressView{
		Done: 4000, Total: 5000, Stage: jobs.StageChunks, Chunks: &jobs.ChunksView{Done: 4, Total: 5},
		Rate: 150, Remaining: 7,
		Workers: []jobs.WorkerView{{Worker: "host-1", Chunks: 1, Units: 1000}, {Worker: "host-2", Chunks: 1, Units: 1000}},
	}
	if diff := cmp.Diff(want, d.progress(now)); diff != "" {
		t.Errorf("with four chunks: %s", diff)
	}
	d.do(2, 1000, "host-2", now)
	want = jobs.ProgressView{Done: 5000, Total: 5000, Stage: jobs.StagePublishing, Chunks: &jobs.ChunksView{Done: 5, Total: 5}}
	if diff := cmp.Diff(want, d.progress(now)); diff != "" {
		t.Errorf("with all chunks: %s", diff)
	}
	if err := d.f.Ledger().Finish(t.Context(), d.claim(), storage.Final{State: storage.JobDone, Progress: storage.Progress{Done: 5000, Total: 5000}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(jobs.ProgressView{Done: 5000, Total: 5000}, d.progress(now)); diff != "" {
		t.Errorf("of the job that is done: %s", diff)
	}
}

func TestADividedBackfillFinishes(t *testing.T) {
	d, now := newDivided(t, memory.New(), "backfill", 1, 10), time.Now().UTC()
	d.do(0, 10, "host-1", now)
	want := jobs.ProgressView{Done: 10, Total: 10, Stage: jobs.StageFinishing, Chunks: &jobs.ChunksView{Done: 1, Total: 1}}
	if diff := cmp.Diff(want, d.progress(now)); diff != "" {
		t.Error(diff)
	}
}

func TestProgressOfAJobThatOneWorkerDoes(t *testing.T) {
	f := memory.New()
	l := f.Ledger()
	load, c, err := l.Claim(t.Context(), storage.Job{ID: uuid.New(), Kind: "load"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	see := func(j storage.Job, want jobs.ProgressView) {
		t.Helper()
		v, err := jobs.LiveView(t.Context(), l, j, j.Started.Add(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, v.Progress); diff != "" {
			t.Error(diff)
		}
	}
	see(load, jobs.ProgressView{Stage: jobs.StagePlanning})
	load, err = l.Renew(t.Context(), c, time.Hour, storage.Progress{Done: 200, Total: 1000})
	if err != nil {
		t.Fatal(err)
	}
	see(load, jobs.ProgressView{Done: 200, Total: 1000, Rate: 20, Remaining: 40})
}

func TestRunningJobsAmongThoseOfAList(t *testing.T) {
	f, now := memory.New(), time.Now().UTC()
	d := newDivided(t, f, "load", 2, 20)
	d.do(0, 10, "host-1", now)
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{{ID: uuid.New(), Kind: "load"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		filter storage.JobFilter
		want   int
	}{{storage.JobFilter{}, 1}, {storage.JobFilter{Kind: "backfill"}, 0}, {storage.JobFilter{States: []storage.JobState{storage.JobQueued}}, 0}} {
		running, err := jobs.RunningOf(t.Context(), f.Ledger(), c.filter, now)
		if err != nil || len(running) != c.want {
			t.Fatalf("%+v: %d jobs, %v", c.filter, len(running), err)
		}
		if c.want == 0 {
			continue
		}
		row, err := f.Ledger().Get(t.Context(), d.job.ID)
		if v := running.View(row); err != nil || v.Progress.Done != 10 || v.Progress.Chunks.Done != 1 {
			t.Errorf("the view is %+v, %v", v, err)
		}
	}
}

// caused inserts a job that another one caused.
func caused(t *testing.T, f storage.Factory, kind string, parent uuid.UUID) storage.Job {
	t.Helper()
	j := storage.Job{ID: uuid.New(), Kind: kind, Parent: parent}
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{j}); err != nil {
		t.Fatal(err)
	}
	return j
}

func TestATreeHasWhatAJobCaused(t *testing.T) {
	f, now := memory.New(), time.Now().UTC()
	d := newDivided(t, f, "load", 1, 20)
	d.do(0, 20, "host-1", now)
	caused(t, f, "chunk", d.job.ID)
	tree := treeAt(t.Context(), t, f, d.job.ID, now)
	if len(tree.Caused) != 0 || tree.Together != nil || tree.Ended() {
		t.Errorf("a job that caused none is %+v", tree)
	}
	fill := caused(t, f, "backfill", d.job.ID)
	below := caused(t, f, "migrate", fill.ID)
	end := func(j storage.Job, units int64) {
		t.Helper()
		_, c, err := f.Ledger().Claim(t.Context(), j, time.Hour)
		if err == nil {
			err = f.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobDone, Progress: storage.Progress{Done: units, Total: units}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	end(d.job, 20)
	tree = treeAt(t.Context(), t, f, d.job.ID, now)
	if diff := cmp.Diff(&jobs.Together{Jobs: 3, Ended: 1, Done: 20}, tree.Together); diff != "" || tree.Ended() {
		t.Errorf("together, ended %t: %s", tree.Ended(), diff)
	}
	if len(tree.Caused) != 1 || tree.Caused[0].JobID != fill.ID.String() || len(tree.Caused[0].Caused) != 1 || tree.Caused[0].Caused[0].Kind != "migrate" {
		t.Errorf("the tree is %+v", tree)
	}
	end(fill, 7)
	end(below, 3)
	tree = treeAt(t.Context(), t, f, d.job.ID, now)
	if diff := cmp.Diff(&jobs.Together{Jobs: 3, Ended: 3, Done: 30, Total: 30}, tree.Together); diff != "" || !tree.Ended() {
		t.Errorf("together, ended %t: %s", tree.Ended(), diff)
	}
}

func treeAt(ctx context.Context, t *testing.T, f storage.Factory, job uuid.UUID, now time.Time) jobs.Tree {
	t.Helper()
	row, err := f.Ledger().Get(ctx, job)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := jobs.TreeOf(ctx, f.Ledger(), row, now)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
