package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Stage is what a running job is at.
type Stage string

// The stages of long jobs.
const (
	// StagePlanning: the source is read and checked. A small job is done by that.
	StagePlanning Stage = "planning"
	// StageChunks: workers do the parts of the job.
	StageChunks Stage = "chunks"
	// StagePublishing: all parts of a load are done; they are compared with the plan, and
	// what they staged becomes visible.
	StagePublishing Stage = "publishing"
	// StageFinishing: all parts of another job are done, and added up.
	StageFinishing Stage = "finishing"
)

// Stages returns the stages of jobs that are divided, in their order; a job has one of the
// last two.
func Stages() []Stage {
	return []Stage{StagePlanning, StageChunks, StagePublishing, StageFinishing}
}

const (
	// rateWindow is over which time, up to now, a rate is taken.
	rateWindow = 30 * time.Second
	// seenWindow is for how long a worker is shown after a chunk.
	seenWindow = 10 * time.Second
	// shortestRate is the shortest time of which a rate is taken.
	shortestRate = 100 * time.Millisecond
)

// ChunksView is how many parts of a job are done.
type ChunksView struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// WorkerView is a process that did parts of a job lately.
type WorkerView struct {
	Worker string `json:"worker"`
	// Chunks and Units are what it did in the last 10 seconds.
	Chunks int   `json:"chunks"`
	Units  int64 `json:"units"`
}

// LiveView returns a job as users see it, and of a running one how far it is: that of a
// divided job is summed up from its parts, whoever did them.
func LiveView(ctx context.Context, l storage.Ledger, j storage.Job, now time.Time) (View, error) {
	v := ViewOf(j)
	if !divisible(j) {
		return v, nil
	}
	p, err := l.Outline(ctx, j.ID)
	if errors.Is(err, storage.ErrNotFound) {
		v.Progress.undivided(j, now)
		return v, nil
	}
	if err != nil {
		return v, fmt.Errorf("look for the plan of job %s: %w", v.JobID, err)
	}
	done, err := l.Chunks(ctx, j.ID)
	if err != nil {
		return v, fmt.Errorf("look for the chunks of job %s: %w", v.JobID, err)
	}
	v.Progress.divided(p, done, now)
	if v.Progress.Stage == StagePublishing && j.Kind != string(KindLoad) {
		v.Progress.Stage = StageFinishing
	}
	return v, nil
}

// divisible reports whether a job runs and may be divided.
func divisible(j storage.Job) bool {
	return j.State == storage.JobRunning && j.Kind != string(KindSave) && j.Kind != string(KindChunk)
}

// Running is the progress of running jobs, see [LiveView].
type Running map[uuid.UUID]ProgressView

// View returns a job as users see it, with its progress.
func (r Running) View(j storage.Job) View {
	v := ViewOf(j)
	if p, is := r[j.ID]; is && j.State == storage.JobRunning {
		v.Progress = p
	}
	return v
}

// RunningOf returns the progress of the running jobs among those that a filter selects,
// for a list of them.
func RunningOf(ctx context.Context, l storage.Ledger, f storage.JobFilter, now time.Time) (Running, error) {
	if len(f.States) > 0 && !slices.Contains(f.States, storage.JobRunning) {
		return nil, nil
	}
	f.States, f.Bare = []storage.JobState{storage.JobRunning}, true
	var running []storage.Job
	for j, err := range l.List(ctx, f) {
		if err != nil {
			return nil, fmt.Errorf("list running jobs: %w", err)
		}
		if divisible(j) {
			running = append(running, j)
		}
	}
	views := make(Running, len(running))
	for _, j := range running {
		v, err := LiveView(ctx, l, j, now)
		if err != nil {
			return nil, err
		}
		views[j.ID] = v.Progress
	}
	return views, nil
}

// undivided is the progress of a job that one worker does.
func (p *ProgressView) undivided(j storage.Job, now time.Time) {
	if p.Total == 0 && slices.Contains(dividedKinds, Kind(j.Kind)) {
		p.Stage = StagePlanning
	}
	p.at(p.Done, now.Sub(j.Started))
}

// divided is the progress of a job of which these chunks are done.
func (p *ProgressView) divided(plan storage.Plan, done []storage.Chunk, now time.Time) {
	*p = ProgressView{Total: plan.Total, Stage: StageChunks, Chunks: &ChunksView{Done: len(done), Total: plan.Chunks}}
	workers := map[string]WorkerView{}
	since, recent := now, int64(0)
	for _, ch := range done {
		o, err := manager.ReadChunkOutcome(ch)
		if err != nil {
			continue // it counts as done, and what it did is not known
		}
		p.Done += o.Units
		ended := o.Began.Add(time.Duration(o.Millis) * time.Millisecond)
		if o.Began.IsZero() || now.Sub(ended) > rateWindow {
			continue
		}
		recent += o.Units
		if o.Began.Before(since) {
			since = o.Began
		}
		if now.Sub(ended) <= seenWindow {
			w := workers[o.Worker]
			workers[o.Worker] = WorkerView{Worker: o.Worker, Chunks: w.Chunks + 1, Units: w.Units + o.Units}
		}
	}
	if len(done) >= plan.Chunks {
		p.Stage = StagePublishing
		return
	}
	p.at(recent, min(now.Sub(since), rateWindow))
	for _, w := range workers {
		p.Workers = append(p.Workers, w)
	}
	slices.SortFunc(p.Workers, func(a, b WorkerView) int { return cmp.Compare(a.Worker, b.Worker) })
}

// at notes that so many units were done in a time, and how long the rest takes then.
func (p *ProgressView) at(units int64, in time.Duration) {
	if units <= 0 || in < shortestRate {
		return
	}
	rate := float64(units) / in.Seconds()
	p.Rate = math.Round(rate*10) / 10
	if left := p.Total - p.Done; left > 0 {
		p.Remaining = int64(math.Ceil(float64(left) / rate))
	}
}
