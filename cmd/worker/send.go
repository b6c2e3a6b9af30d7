package main

import (
	"context"
	"errors"
	"time"

	"github.com/specstar-worker/worker/jobs"
)

// commandSubmit is the command that returns at once, and so does not wait for a queue
// that is full.
const commandSubmit = "submit"

// send submits jobs. While the queue is full, it waits and submits the rest again, in
// their order, unless the command is to return at once.
func (s *session) send(ctx context.Context, envelopes ...jobs.Envelope) ([]jobs.Receipt, error) {
	receipts, err := s.submitter.Submit(ctx, envelopes...)
	for told := false; ; told = true {
		busy := full(receipts)
		if busy == nil || s.options.command == commandSubmit {
			return receipts, err
		}
		if !told {
			s.app.note("%v; waiting for room", busy)
		}
		if err := s.wait(ctx, busy.RetryAfter); err != nil {
			return receipts, err
		}
		err = s.sendRest(ctx, envelopes, receipts)
	}
}

// full returns why jobs were not taken for want of room; nil when there was room.
func full(receipts []jobs.Receipt) *jobs.BusyError {
	for _, r := range receipts {
		if busy, ok := errors.AsType[*jobs.BusyError](r.Err); ok {
			return busy
		}
	}
	return nil
}

// sendRest submits once more what was not taken for want of room, and notes what came
// of it. The error is the first one left.
func (s *session) sendRest(ctx context.Context, envelopes []jobs.Envelope, receipts []jobs.Receipt) error {
	var rest []jobs.Envelope
	var places []int
	for i, r := range receipts {
		if _, full := errors.AsType[*jobs.BusyError](r.Err); full {
			rest, places = append(rest, envelopes[i]), append(places, i)
		}
	}
	again, err := s.submitter.Submit(ctx, rest...)
	for i := range again {
		receipts[places[i]] = again[i]
	}
	if err != nil {
		return err
	}
	for _, r := range receipts {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// wait waits for a while, as pause does.
func (s *session) wait(ctx context.Context, d time.Duration) error {
	for until := time.Now().Add(d); time.Now().Before(until); {
		if err := s.pause(ctx); err != nil {
			return err
		}
	}
	return nil
}
