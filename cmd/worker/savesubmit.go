package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// submitBatch is how many saves are published together.
const submitBatch = 1000

// submitSaves publishes the operations. Those that a former owner of the queue
// took are published again; their ids make that harmless. What is forbidden is
// not published but counts as a bad line.
func (s *session) submitSaves(ctx context.Context, list *saveList, board *progress.Board) (err error) {
	if err := s.dropForbidden(ctx, list); err != nil {
		return err
	}
	all := list.lines()
	task := board.Start("submit", "operations", all)
	defer func() {
		if err != nil {
			task.End("stopped")
		}
	}()
	taken := make([]*saveJob, 0, len(list.jobs))
	var sent int64
	for from := 0; from < len(list.jobs); from += submitBatch {
		part := list.jobs[from:min(from+submitBatch, len(list.jobs))]
		batch := make([]jobs.Envelope, len(part))
		for i, j := range part {
			batch[i] = j.envelope
			sent += int64(len(j.lines))
			if s.worker != nil {
				s.worker.executor.await(s.jobID(j), j.hash)
			}
		}
		receipts, err := s.send(ctx, batch...)
		for i := range receipts {
			refused := receipts[i].Err
			if code := lineCode(refused); code != "" {
				for _, line := range part[i].lines {
					list.bad = append(list.bad, lineError{line, code, refused.Error()})
				}
				continue
			} else if refused != nil {
				return refused
			}
			taken = append(taken, part[i])
		}
		if err != nil && len(receipts) == 0 {
			return err
		}
		task.Update(sent, all)
	}
	list.jobs = taken
	task.End("submitted")
	return nil
}

// codeTooLarge is the code of lines whose message no queue takes.
const codeTooLarge = "too_large"

// lineCode is the code of an error that concerns the lines of one job alone; empty for
// others.
func lineCode(err error) string {
	if _, large := errors.AsType[*jobs.TooLargeError](err); large {
		return codeTooLarge
	}
	if isRefused(err, manager.CodeForbidden) {
		return string(manager.CodeForbidden)
	}
	return ""
}

// dropForbidden takes the lines that the user may not do out of jobs of several, so
// that they are told at once, as those of jobs of one are.
func (s *session) dropForbidden(ctx context.Context, list *saveList) error {
	if !s.app.global.rights.on() {
		return nil
	}
	kept := list.jobs[:0]
	for _, j := range list.jobs {
		if len(j.lines) > 1 && !j.asked && !j.whole() {
			refused, err := s.catalog.AskSave(ctx, j.envelope.Model, j.envelope.Operations())
			if err != nil {
				return fmt.Errorf("ask whether job %s is allowed: %w", j.envelope.ID, err)
			}
			if j, err = j.without(refused, &list.bad); err != nil {
				return err
			}
		}
		if len(j.lines) > 0 {
			kept = append(kept, j)
		}
	}
	list.jobs = kept
	return nil
}

// whole reports whether one refused line refuses the job, which the worker does then.
func (j *saveJob) whole() bool {
	save, _ := j.envelope.Args.(jobs.Save)
	return save.OnError == jobs.OnErrorFail
}

// without returns the job without its refused operations, whose lines go to bad.
func (j *saveJob) without(refused []*manager.RefusedError, bad *[]lineError) (*saveJob, error) {
	save, _ := j.envelope.Args.(jobs.Save)
	var ops []manager.Operation
	var lines []int
	for i, r := range refused {
		if r != nil {
			*bad = append(*bad, lineError{j.lines[i], string(r.Code), r.Error()})
			continue
		}
		ops, lines = append(ops, save.Operations[i]), append(lines, j.lines[i])
	}
	j.asked = true
	if len(lines) == len(j.lines) {
		return j, nil
	}
	if j.lines = lines; len(lines) == 0 {
		return j, nil
	}
	save.Operations = ops
	j.envelope.Args = save
	var err error
	j.hash, _, err = j.envelope.Digest(nil)
	return j, err
}

// submitSave submits the operations without waiting.
func (a *app) submitSave(ctx context.Context, model string, f *saveFlags, o *jobOptions) error {
	read, err := a.startSaves(model, f, o)
	if err != nil {
		return err
	}
	var list *saveList
	err = a.submitWith(ctx, sessionOptions{inLedger: f.inLedger()}, func(ctx context.Context, s *session) ([]string, error) {
		var err error
		if list, err = read(); err != nil {
			return nil, err
		}
		board := a.board()
		defer board.Wait()
		if err := s.submitSaves(ctx, list, board); err != nil {
			return nil, err
		}
		var ids []string
		for _, j := range list.jobs {
			ids = append(ids, j.envelope.ID)
		}
		return ids, nil
	}, a.printJobIDs)
	if err != nil {
		return err
	}
	for _, e := range list.bad {
		_, _ = fmt.Fprintln(a.stderr, render.Printable("line "+strconv.Itoa(e.Line)+": "+e.Code+": "+e.Message))
	}
	if len(list.bad) > 0 {
		return exit(exitPartly)
	}
	return nil
}

// jobID returns the ledger key of a job.
func (s *session) jobID(j *saveJob) uuid.UUID { return jobs.ID(s.store.ID(), j.envelope.ID) }
