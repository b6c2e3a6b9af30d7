package manager

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// SaveJobs does queued saves of this model in one unit of work: their effects
// and their ledger rows commit together or not at all. Operations on one
// resource chain in the order given, over all jobs. A job that had ended is
// [SaveJobOutcome.Repeated] and has no second effect; so is one listed twice. An
// operation that breaks a rule is refused alone, or with its job, see
// [SaveJob.Whole]. The error is for the store:
// nothing was done then and the batch may be tried again.
func (m *Manager) SaveJobs(ctx context.Context, jobs []SaveJob) ([]SaveJobOutcome, error) {
	model := m.Info()
	changes := make([][]change, len(jobs))
	for i := range jobs {
		var err error
		if changes[i], err = m.prepareJob(ctx, model, &jobs[i]); err != nil {
			return nil, err
		}
	}
	all := allOf(changes)
	var out []SaveJobOutcome
	err := m.asking(ctx, all, func() (err error) {
		out, err = m.saveJobsUnit(ctx, model, jobs, changes)
		if err != nil {
			m.catalog.answer(ctx, all, nil, err)
			return err
		}
		for i := range out {
			if !out[i].Repeated {
				m.catalog.answer(ctx, pointers(changes[i]), out[i].Outcomes, nil)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("save %d jobs to model %s: %w", len(jobs), m.name, err)
	}
	return out, nil
}

// allOf returns the changes of all jobs, in their order.
func allOf(changes [][]change) iter.Seq[*change] {
	return func(yield func(*change) bool) {
		for i := range changes {
			for c := range pointers(changes[i]) {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// saveJobsUnit does the changes of jobs as one unit of work.
func (m *Manager) saveJobsUnit(ctx context.Context, model storage.ModelInfo, jobs []SaveJob, changes [][]change) (out []SaveJobOutcome, err error) {
	batch := storage.Batch{Serial: serial(model), New: true, NewJobs: true, Jobs: make([]uuid.UUID, 0, len(jobs))}
	for i := range jobs {
		batch.Refs = slices.Grow(batch.Refs, len(changes[i]))
		batch.Jobs = append(batch.Jobs, jobs[i].Row.ID)
		batch.NewJobs = batch.NewJobs && jobs[i].First
		for n := range changes[i] {
			batch.Refs = changes[i][n].appendRef(batch.Refs, m.name)
			batch.Marks = appendMark(batch.Marks, &changes[i][n])
			batch.New = batch.New && changes[i][n].op.Op == OpCreate
		}
	}
	now := m.catalog.opts.Now()
	err = m.update(ctx, batch, allOf(changes), func(v storage.View) (w storage.Writes, err error) {
		out, w, err = m.computeJobs(model, v, jobs, changes, now)
		return w, err
	})
	return out, err
}

// computeJobs works out what the jobs that have not ended do.
func (m *Manager) computeJobs(model storage.ModelInfo, v storage.View, jobs []SaveJob, changes [][]change, now time.Time) ([]SaveJobOutcome, storage.Writes, error) {
	w := storage.Writes{Jobs: make([]storage.Job, 0, len(jobs))}
	operations := 0
	for i := range changes {
		operations += len(changes[i])
	}
	ed, err := m.newEditor(model, v, operations)
	if err != nil {
		return nil, w, err
	}
	out := make([]SaveJobOutcome, len(jobs))
	seen := make(map[uuid.UUID]bool, len(jobs))
	for i := range jobs {
		id := jobs[i].Row.ID
		if seen[id] || v.Ended(id) {
			out[i].Repeated = true
			continue
		}
		seen[id] = true
		outcomes, undone, err := ed.applyJob(changes[i], jobs[i].Whole)
		if err == nil && undone && m.catalog.guarded() && followed(changes[i], changes[i+1:]) {
			err = errUndone
		}
		if err != nil {
			return nil, w, err
		}
		row, err := endRow(jobs[i].Row, outcomes, now)
		if err != nil {
			return nil, w, err
		}
		w.Jobs = append(w.Jobs, row)
		out[i] = SaveJobOutcome{State: row.State, Outcomes: outcomes}
	}
	if err := joinJobs(out, w.Jobs, now); err != nil {
		return nil, w, err
	}
	return out, ed.into(w), nil
}

// endRow completes the row of a job: it is refused when every operation was, and
// carries the first refusal in any case.
func endRow(row storage.Job, outcomes []Outcome, now time.Time) (storage.Job, error) {
	row.State, row.Finished = storage.JobDone, now
	row.ErrorCode, row.ErrorMessage = "", ""
	refused := 0
	for _, o := range outcomes {
		if o.Effect != EffectRefused {
			continue
		}
		if refused++; o.Code != CodeNotDone && row.ErrorCode == "" {
			row.ErrorCode, row.ErrorMessage = string(o.Code), o.Message
		}
	}
	if refused > 0 && refused == len(outcomes) {
		row.State = storage.JobRefused
	}
	var err error
	if row.Outcome, err = encodeOutcomes(outcomes); err != nil {
		return row, fmt.Errorf("encode the outcome of job %s: %w", row.ID, err)
	}
	return row, nil
}
