package main

import (
	"context"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// figures sums up what the loops of the consumer counted, and asks the queue.
func (w *worker) figures(ctx context.Context) web.Queue {
	q := web.Queue{Letters: -1}
	for _, s := range w.consumer.Stats() {
		q.Fetched += uint64(s.Fetched)
		q.Acked += uint64(s.Acked)
		q.AckFailures += uint64(s.AckFailed)
		q.Retried += uint64(s.Retried + s.Paused)
		q.Dead += uint64(s.Dead)
		q.Batches += uint64(s.Batches)
		q.BatchItems += uint64(s.Acked + s.Retried + s.Paused)
		q.Rebinds += uint64(s.Rebinds)
		q.Silent += uint64(s.Silent)
	}
	for _, t := range w.handles.Trouble() {
		if t.Loop == "" {
			q.Paused = pausedReason(t)
		} else {
			q.Unreachable++
		}
	}
	depths, err := w.consumer.Depths(ctx)
	if err != nil {
		q.Depth = -1
		return q
	}
	for _, d := range depths {
		q.Depth += d.Pending + d.Unacked
		q.Backlog = append(q.Backlog, web.Backlog{Lane: string(d.Lane), Kind: string(d.Kind), Pending: d.Pending, Unacked: d.Unacked})
	}
	if at, err := w.session.publisher.Oldest(ctx); err == nil {
		q.Oldest = at
	}
	if n, err := w.session.letters.Count(ctx); err == nil {
		q.Letters = int64(n)
	}
	return q
}

// pausedReason is one of web.PausedReasons.
func pausedReason(t consumer.Trouble) string {
	switch _, code, _ := jobs.Classify(t.Err); code {
	case jobs.CodeUnavailable, jobs.CodeSetup:
		return code
	}
	return "other"
}

// timedSaver is a saver whose units of work are timed.
type timedSaver struct {
	jobs.Saver
	work *web.Work
}

// SaveJobs implements [jobs.Saver].
func (s timedSaver) SaveJobs(ctx context.Context, model string, js []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	begun := time.Now()
	out, err := s.Saver.SaveJobs(ctx, model, js)
	s.work.Step(web.StepCommit, time.Since(begun))
	return out, err
}

// countedSubmitter is a submitter whose refusals of full queues are counted.
type countedSubmitter struct {
	jobs.Submitter
	work *web.Work
}

// Submit implements [jobs.Submitter].
func (s countedSubmitter) Submit(ctx context.Context, envelopes ...jobs.Envelope) ([]jobs.Receipt, error) {
	receipts, err := s.Submitter.Submit(ctx, envelopes...)
	for _, r := range receipts {
		s.work.Busy(web.BySubmitter, r.Err)
	}
	return receipts, err
}
