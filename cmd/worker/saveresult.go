package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// saveResult is what a save prints. Its numbers count operations.
type saveResult struct {
	Done    int64 `json:"done"`
	Refused int64 `json:"refused"`
	Dead    int64 `json:"dead"`
	// Superseded operations came after a newer save of their resource and did nothing;
	// they are not among the done ones.
	Superseded int64       `json:"superseded"`
	Errors     []lineError `json:"errors"`
}

// maxErrors is how many lines a result lists.
const maxErrors = 1000

func (r *saveResult) fail(e lineError) {
	if len(r.Errors) < maxErrors {
		r.Errors = append(r.Errors, e)
	}
}

// followSaves waits until all operations have ended and counts how.
func (s *session) followSaves(ctx context.Context, list saveList, board *progress.Board) (saveResult, error) {
	result := saveResult{Errors: []lineError{}}
	for _, e := range list.bad {
		result.Refused++
		result.fail(e)
	}
	all := list.lines()
	task := board.Start("save", "operations", all)
	var ended int64
	for _, j := range list.jobs {
		row, err := s.followSave(ctx, j)
		if err == nil {
			err = result.count(j, row)
		}
		if err != nil {
			task.End("stopped waiting")
			return result, err
		}
		ended += int64(len(j.lines))
		task.Update(ended, all)
	}
	task.End("done")
	slices.SortStableFunc(result.Errors, func(a, b lineError) int { return cmp.Compare(a.Line, b.Line) })
	return result, nil
}

// followSave waits until a job has ended and returns its row, of one of which all was
// done here only what count needs.
func (s *session) followSave(ctx context.Context, j *saveJob) (storage.Job, error) {
	id := s.jobID(j)
	if s.worker == nil {
		return s.follow(ctx, id, nil)
	}
	for !s.worker.executor.wasDone(id) {
		row, err := s.store.Ledger().Get(ctx, id)
		switch {
		case err == nil && row.State.Final():
			return row, nil
		case err != nil && !errors.Is(err, storage.ErrNotFound):
			return row, fmt.Errorf("follow job %s: %w", id, err)
		}
		if err := s.pause(ctx); err != nil {
			return storage.Job{}, err
		}
	}
	return storage.Job{State: storage.JobDone}, nil
}

// count counts the operations of a job that has ended.
func (r *saveResult) count(j *saveJob, row storage.Job) error {
	if row.EnvelopeHash != nil && !bytes.Equal(row.EnvelopeHash, j.hash[:]) {
		r.dead(j, lineError{Code: jobs.CodeDiffers, Message: fmt.Sprintf("id %s was used before for another operation", j.envelope.ID)})
		return nil
	}
	switch row.State {
	case storage.JobDone, storage.JobRefused:
		return r.countEach(j, row)
	}
	r.dead(j, lineError{Code: row.ErrorCode, Message: fmt.Sprintf("%s: %s", row.State, row.ErrorMessage)})
	return nil
}

// countEach counts the operations of a job by their outcomes; a job that was refused
// before any was tried has none, nor has one that was done here.
func (r *saveResult) countEach(j *saveJob, row storage.Job) error {
	var ended struct {
		Outcomes []manager.Outcome `json:"outcomes"`
	}
	if len(row.Outcome) > 0 {
		if err := json.Unmarshal(row.Outcome, &ended); err != nil {
			return fmt.Errorf("read the outcome of job %s: %w", j.envelope.ID, err)
		}
	}
	for i, line := range j.lines {
		o := manager.Outcome{Code: manager.Code(row.ErrorCode), Message: row.ErrorMessage}
		if row.State == storage.JobRefused {
			o.Effect = manager.EffectRefused
		}
		if len(ended.Outcomes) == len(j.lines) {
			o = ended.Outcomes[i]
		}
		switch o.Effect {
		case manager.EffectRefused:
			r.Refused++
			r.fail(lineError{line, string(o.Code), o.Message})
		case manager.EffectSuperseded:
			r.Superseded++
		default:
			r.Done++
		}
	}
	return nil
}

// dead counts all operations of a job as dead, for one reason.
func (r *saveResult) dead(j *saveJob, why lineError) {
	for _, line := range j.lines {
		r.Dead++
		why.Line = line
		r.fail(why)
	}
}

func (a *app) printSave(r saveResult) error {
	if a.format == render.Table || a.format == render.IDs {
		list := render.NewList(a.stdout, a.format, "DONE", "REFUSED", "DEAD", "SUPERSEDED")
		if err := list.Add(render.Row{Cells: []string{number(r.Done), number(r.Refused), number(r.Dead), number(r.Superseded)}}); err != nil {
			return err
		}
		if err := list.Close(); err != nil {
			return err
		}
		for _, e := range r.Errors {
			// Not a note: it is what the command has to say, also when quiet.
			_, _ = fmt.Fprintln(a.stderr, render.Printable("line "+strconv.Itoa(e.Line)+": "+e.Code+": "+e.Message))
		}
	} else if err := render.Document(a.stdout, a.format, r); err != nil {
		return err
	}
	if r.Refused+r.Dead > 0 {
		return exit(exitPartly)
	}
	return nil
}
