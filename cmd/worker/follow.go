package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// How often a waiting command looks at the ledger, and how long it waits for a
// job that a finished one is known to cause.
const (
	followEvery = 25 * time.Millisecond
	// ownEvery is the same where the jobs are done in this process, which tells of their ends:
	// such looks only show how far they are, and take connections from them.
	ownEvery   = 100 * time.Millisecond
	causedWait = 5 * time.Second
)

// follow waits until a job has ended and returns its row. show, when not nil, is
// called with each row seen. A job without a row yet is waited for.
func (s *session) follow(ctx context.Context, id uuid.UUID, show func(storage.Job)) (storage.Job, error) {
	for {
		row, err := s.store.Ledger().Get(ctx, id)
		switch {
		case errors.Is(err, storage.ErrNotFound):
		case err != nil:
			return row, fmt.Errorf("follow job %s: %w", id, err)
		default:
			if show != nil {
				show(row)
			}
			if row.State.Final() {
				return row, nil
			}
		}
		if err := s.pause(ctx); err != nil {
			return storage.Job{}, err
		}
	}
}

// followWork follows one job with a progress display: of a divided one with its stages.
func (s *session) followWork(ctx context.Context, id uuid.UUID, name, unit string, board *progress.Board) (storage.Job, error) {
	task := board.Start(name, unit, 0)
	s.watch(id, task)
	live := newLiveJob(task)
	row, err := s.follow(ctx, id, s.showLive(ctx, live))
	if err != nil {
		live.end("stopped waiting")
		return row, err
	}
	if row.Total > 0 {
		task.Update(row.Done, row.Total)
	}
	live.end(string(row.State))
	return row, nil
}

// showLive returns what shows each row of a job that is followed, not too often. What
// runs in this process and is not divided shows itself, see watch.
func (s *session) showLive(ctx context.Context, live *liveJob) func(storage.Job) {
	var next time.Time
	return func(j storage.Job) {
		begun := time.Now()
		if j.State.Final() || begun.Before(next) {
			return
		}
		v, err := jobs.LiveView(ctx, s.store.Ledger(), j, begun)
		next = lookAgain(begun)
		// A look that failed is made again: whether the store is away, follow finds out.
		if err == nil && (v.Progress.Chunks != nil || s.worker == nil) {
			live.show(v)
		}
	}
}

// followCaused waits for the jobs that a finished one caused, and for those that
// they caused, and returns their rows.
func (s *session) followCaused(ctx context.Context, parent storage.Job, rulesOff bool, board *progress.Board) ([]storage.Job, error) {
	if parent.State != storage.JobDone {
		return nil, nil
	}
	children, err := s.caused(ctx, parent, rulesOff)
	if err != nil {
		return nil, err
	}
	var all []storage.Job
	for _, c := range children {
		if c.NotBefore.After(time.Now().Add(causedWait)) {
			s.app.note("%s job %s: waits until %s", c.Kind, c.Text, stamp(c.NotBefore))
			continue
		}
		row, err := s.followWork(ctx, c.ID, c.Kind+" caused by "+parent.Kind, units(c.Kind), board)
		if err != nil {
			return nil, err
		}
		more, err := s.followCaused(ctx, row, rulesOff, board)
		if err != nil {
			return nil, err
		}
		all = append(append(all, row), more...)
	}
	return all, nil
}

// caused lists the jobs that a finished one caused: rules have acted by then. A load that
// left rows to fill is sure to cause one.
func (s *session) caused(ctx context.Context, parent storage.Job, rulesOff bool) ([]storage.Job, error) {
	deadline := time.Now().Add(causedWait)
	for {
		acted, err := s.rulesActed(ctx, parent, rulesOff)
		if err != nil {
			return nil, err
		}
		var children []storage.Job
		for j, err := range s.store.Ledger().List(ctx, storage.JobFilter{Parent: parent.ID}) {
			if err != nil {
				return nil, fmt.Errorf("list jobs caused by %s: %w", parent.ID, err)
			}
			if j.Kind != string(jobs.KindChunk) { // parts of the job itself
				children = append(children, j)
			}
		}
		if acted || time.Now().After(deadline) {
			return children, nil
		}
		if err := s.pause(ctx); err != nil {
			return nil, err
		}
	}
}

// rulesActed reports whether rules have acted on the end of a job. Whoever ended it has
// them act before its message is done with; where the message is may not be known.
func (s *session) rulesActed(ctx context.Context, job storage.Job, rulesOff bool) (bool, error) {
	if rulesOff || s.worker != nil && s.worker.executor.hasEnded(job.ID) {
		return true, nil
	}
	if job.Kind == string(jobs.KindLoad) && job.Sequence == 0 {
		unset, err := s.unset(ctx, job)
		return !unset, err
	}
	held, err := s.publisher.Holds(ctx, []jobs.Place{{Job: job.Text, Epoch: job.Epoch, Sequence: job.Sequence}})
	return err == nil && !held[0], nil // while the queue does not answer, it may be
}

// unset reports whether rows lack rev_* fields in the models that a load touched.
func (s *session) unset(ctx context.Context, load storage.Job) (bool, error) {
	var loaded manager.LoadOutcome
	if err := json.Unmarshal(load.Outcome, &loaded); err != nil {
		return false, fmt.Errorf("read the outcome of job %s: %w", load.ID, err)
	}
	for name := range loaded.Models {
		stores, err := s.store.Build(ctx, name)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("open model %s: %w", name, err)
		}
		page, err := stores.Metas.Unfilled(ctx, storage.Range{}, 1)
		if err != nil {
			return false, fmt.Errorf("look for rows of model %s without rev_*: %w", name, err)
		}
		if len(page) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// pause waits before the next look: a moment, or until a job has ended here. It fails when ctx ends, when the
// queue's owner went away, and when our own consumer failed or cannot write.
func (s *session) pause(ctx context.Context) error {
	every := followEvery
	if s.worker != nil {
		every = ownEvery
	}
	select {
	case <-ctx.Done():
		return errInterrupted
	case <-s.lost:
		return errOwnerGone
	case <-s.failed():
		return fmt.Errorf("consume jobs: %w", s.failure())
	case <-s.ended():
	case <-time.After(every):
	}
	if s.worker != nil {
		return s.worker.executor.lasting()
	}
	return nil
}

// complete submits a job, waits until it is done and reads its outcome into result.
// name and unit are how the board shows it. A job that ends otherwise is an error.
func (s *session) complete(ctx context.Context, e jobs.Envelope, name, unit string, board *progress.Board, result any) (storage.Job, error) {
	receipts, err := s.send(ctx, e)
	if err != nil {
		return storage.Job{}, err
	}
	row, err := s.followWork(ctx, receipts[0].ID, name, unit, board)
	if err != nil {
		return row, err
	}
	if row.State != storage.JobDone {
		return row, jobFailure(row)
	}
	if err := json.Unmarshal(row.Outcome, result); err != nil {
		return row, fmt.Errorf("read the outcome of job %s: %w", row.Text, err)
	}
	return row, nil
}
