package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/jobs"
)

// liveEvery is how often a command that waits looks how far the parts of a job are. It is
// less often where looking takes long, since all parts are read.
const liveEvery = 250 * time.Millisecond

// lookAgain returns when to look how far jobs are after a look that was begun at a time.
func lookAgain(begun time.Time) time.Time {
	now := time.Now()
	return now.Add(max(liveEvery, 10*now.Sub(begun)))
}

// units returns what jobs of a kind count.
func units(kind string) string {
	if kind == string(jobs.KindLoad) {
		return "resources"
	}
	return "rows"
}

// liveJob shows how far a job is, its stages below it, and below these the jobs that it
// caused.
type liveJob struct {
	task   *progress.Task
	stages map[jobs.Stage]*progress.Task
	caused map[string]*liveJob
}

func newLiveJob(task *progress.Task) *liveJob {
	return &liveJob{task: task, stages: map[jobs.Stage]*progress.Task{}, caused: map[string]*liveJob{}}
}

// show shows a running job.
func (l *liveJob) show(v jobs.View) {
	p := v.Progress
	l.task.UpdateWith(p.Done, p.Total, pace(p))
	if p.Stage != "" {
		l.stage(p)
	}
}

// stage shows the stage that a job is at, and that those before it are over.
func (l *liveJob) stage(p jobs.ProgressView) {
	all := jobs.Stages()
	at := slices.Index(all, p.Stage)
	for _, s := range all[:max(at, 0)] {
		if t := l.stages[s]; t != nil {
			if s == jobs.StageChunks && p.Chunks != nil {
				t.UpdateWith(int64(p.Chunks.Done), int64(p.Chunks.Total), "")
			}
			t.End("done")
		}
	}
	counted := p.Stage == jobs.StageChunks && p.Chunks != nil
	t := l.stages[p.Stage]
	if t == nil {
		unit := ""
		if counted {
			unit = "chunks"
		}
		t = l.task.Start(string(p.Stage), unit, 0)
		l.stages[p.Stage] = t
	}
	if counted {
		t.UpdateWith(int64(p.Chunks.Done), int64(p.Chunks.Total), workersOf(p))
	}
}

// end ends what is shown of a job, and of its stages.
func (l *liveJob) end(result string) {
	for _, s := range jobs.Stages() {
		if t := l.stages[s]; t != nil {
			t.End(result)
		}
	}
	l.task.End(result)
}

// showTree shows a job and those that it caused. What is shown of a job that caused
// others is how far all of them are, and it ends with the last one.
func (l *liveJob) showTree(t jobs.Tree) {
	if !t.State.Final() {
		l.show(t.View)
	}
	for _, c := range t.Caused {
		below := l.caused[c.JobID]
		if below == nil {
			below = newLiveJob(l.task.Start(c.Kind+" "+c.Model, units(c.Kind), c.Progress.Total))
			l.caused[c.JobID] = below
		}
		below.showTree(c)
	}
	switch together := t.Together; {
	case together != nil:
		l.task.UpdateWith(together.Done, together.Total, fmt.Sprintf("%d of %d jobs ended", together.Ended, together.Jobs))
	case t.State.Final():
		l.task.UpdateWith(t.Progress.Done, t.Progress.Total, "")
	}
	if t.Ended() {
		l.end(string(t.State))
	}
}

// pace says how fast a job is, how long the rest takes and how many workers do it.
func pace(p jobs.ProgressView) string {
	var parts []string
	if p.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%.0f/s", p.Rate))
	}
	if p.Remaining > 0 {
		parts = append(parts, (time.Duration(p.Remaining)*time.Second).String()+" left")
	}
	if n := len(p.Workers); n > 1 {
		parts = append(parts, fmt.Sprintf("%d workers", n))
	}
	return strings.Join(parts, ", ")
}

// workersOf names the workers that are seen doing a job, the first few.
func workersOf(p jobs.ProgressView) string {
	const most = 4
	names := make([]string, 0, most)
	for _, w := range p.Workers[:min(most, len(p.Workers))] {
		names = append(names, w.Worker)
	}
	if more := len(p.Workers) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
