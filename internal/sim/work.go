package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// errJob is a failure of a job's own.
var errJob = errors.New("the job fails")

// work does jobs: saves by the manager, long ones step by step.
type work struct {
	world   *world
	life    *life
	catalog *jobs.CatalogWork
	factory storage.Factory
}

// SaveJobs implements jobs.Saver.
func (k *work) SaveJobs(ctx context.Context, model string, js []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	k.life.executor.mustBeNext(js)
	for _, j := range js {
		job := k.world.jobs[j.Row.Text]
		if err := sleep(ctx, job.Slow); err != nil {
			return nil, err
		}
		if err := k.world.fail(job); err != nil {
			return nil, err
		}
	}
	return k.catalog.SaveJobs(ctx, model, js)
}

// Load implements jobs.Loader: a revision for each step, the last with the job's end.
func (k *work) Load(ctx context.Context, c storage.Claim, _ jobs.Actor, l jobs.Load, progress func(storage.Progress)) error {
	job := k.world.jobs[strings.TrimPrefix(l.Source, "upload:")]
	return k.world.long(ctx, job, progress, func(step int) error {
		ref := storage.Ref{Model: model, ID: resource.ID(job.ID)}
		b := storage.Batch{Refs: []storage.Ref{ref}, Chunk: &storage.ChunkRef{Claim: c, No: step}}
		return k.factory.Unit().Update(ctx, b, func(v storage.View) (storage.Writes, error) {
			w := storage.Writes{Models: map[string]storage.ModelWrites{model: revisionOf(v, ref)}, Chunk: []byte("{}")}
			if step == job.Steps-1 {
				w.Final = &storage.Final{State: storage.JobDone}
			}
			return w, nil
		})
	})
}

// Unstage implements jobs.Loader.
func (k *work) Unstage(ctx context.Context, c storage.Claim) error {
	return k.factory.Unit().Unstage(ctx, c)
}

// Backfill implements jobs.Backfiller; it has no effect but its end.
func (k *work) Backfill(ctx context.Context, _ jobs.Actor, b jobs.Backfill, progress func(storage.Progress)) (map[string]manager.BackfillStats, error) {
	return nil, k.world.long(ctx, k.world.jobs[b.Models[0]], progress, func(int) error { return nil })
}

// Unfilled implements jobs.Backfiller.
func (k *work) Unfilled(context.Context, []string) ([]string, error) { return nil, nil }

// long takes the steps of a long job.
func (w *world) long(ctx context.Context, job Job, progress func(storage.Progress), do func(step int) error) error {
	w.mu.Lock()
	w.bodies[job.ID]++
	w.mu.Unlock()
	for step := range job.Steps {
		if err := sleep(ctx, job.Pace); err != nil {
			return err
		}
		if err := w.fail(job); err != nil {
			return err
		}
		if job.Form == Refused {
			return &jobs.RefusedError{Code: "no", Err: errJob}
		}
		if err := do(step); err != nil {
			return err
		}
		progress(storage.Progress{Done: int64(step + 1), Total: int64(job.Steps)})
	}
	return nil
}

// fail fails as the job's form says.
func (w *world) fail(j Job) error {
	switch j.Form {
	case Poison:
		return errJob
	case Flaky, Panics:
		w.mu.Lock()
		w.failed[j.ID]++
		over := w.failed[j.ID] > j.Fails
		w.mu.Unlock()
		switch {
		case over:
		case j.Form == Panics:
			panic("the job panics")
		default:
			return errJob
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// revisionOf is one more revision of a resource.
func revisionOf(v storage.View, r storage.Ref) storage.ModelWrites {
	n, now := v.NextNumber(r), time.Now().UTC()
	info := resource.RevisionInfo{
		UID: uuid.New(), ResourceID: r.ID, RevisionID: r.ID.Revision(n), Status: resource.Stable,
		CreatedTime: now, UpdatedTime: now, CreatedBy: "sim", UpdatedBy: "sim",
	}
	meta := resource.Meta{
		CurrentRevisionID: info.RevisionID, ResourceID: r.ID, TotalRevisionCount: n,
		CreatedTime: now, UpdatedTime: now, CreatedBy: "sim", UpdatedBy: "sim", Rev: resource.RevMetaOf(info),
	}
	return storage.ModelWrites{
		Revisions: []resource.Revision{{Info: info, Data: []byte("{}")}}, Metas: []resource.Meta{meta},
	}
}

// operation is what a save does; the token is found in what it wrote.
func operation(op manager.Op, id, token string) manager.Operation {
	return manager.Operation{
		Op: op, ResourceID: resource.ID(id), Data: fmt.Appendf(nil, `{"job":%q}`, token), User: "sim", Time: time.Now().UTC(),
	}
}
