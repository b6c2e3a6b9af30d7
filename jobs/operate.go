package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// CodeNoEnvelope is the code of a job that cannot be tried again since its message was
// not kept.
const CodeNoEnvelope = "no_envelope"

// Operator does to jobs what people ask for. Everything it does is in the audit trail.
type Operator struct {
	Ledger    storage.Ledger
	Publisher Publisher
	Letters   Letterbox
	// Contents, unless nil, has the messages that went by claim check.
	Contents Contents
	// By says who asks, Via by which program.
	By, Via string
}

func (o Operator) act(ctx context.Context, v storage.Verb, id uuid.UUID) (storage.Job, error) {
	return o.Ledger.Act(ctx, storage.Act{Verb: v, Job: id, By: o.By, Via: o.Via})
}

// Retry puts a refused, dead or cancelled job back into the queue and removes its dead
// letter; an expiry that is over counts no more. The error of a job that is done wraps
// storage.ErrFinal, that of one which has not ended storage.ErrNotEnded; one whose row has
// no envelope is refused with a *RefusedError. After any other error the job may be queued:
// a worker publishes its message, and removes its letter, later.
func (o Operator) Retry(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	row, err := o.Ledger.Get(ctx, id)
	if err != nil {
		return storage.Job{}, err
	}
	if row.State.Final() && row.State != storage.JobDone && (len(row.Envelope) == 0 || row.Subject == "") {
		return row, &RefusedError{Code: CodeNoEnvelope, Err: fmt.Errorf("job %s: its message was not kept; submit it again", row.Text)}
	}
	if err := o.dropChunks(ctx, row); err != nil {
		return row, err
	}
	if row, err = o.act(ctx, storage.VerbRetry, id); err != nil {
		return row, err
	}
	if err := o.Letters.DiscardAll(ctx, id); err != nil {
		return row, err
	}
	return row, publishAgain(ctx, o.Ledger, o.Publisher, row)
}

// dropChunks drops the chunks of a job that failed for good: they are what it ended with,
// and are to be tried again with it.
func (o Operator) dropChunks(ctx context.Context, job storage.Job) error {
	if !job.State.Final() || job.State == storage.JobDone {
		return nil
	}
	f := storage.JobFilter{Parent: job.ID, Kind: string(KindChunk), Bare: true}
	var failed []uuid.UUID
	for row, err := range o.Ledger.List(ctx, f) {
		if err != nil {
			return fmt.Errorf("look for chunks of job %s: %w", job.Text, err)
		}
		if row.State.Final() {
			failed = append(failed, row.ID)
		}
	}
	for _, id := range failed {
		if _, err := o.Drop(ctx, id); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("drop a chunk of job %s: %w", job.Text, err)
		}
	}
	return nil
}

// Cancel ends a queued job and asks a running one to stop; storage.ErrFinal.
func (o Operator) Cancel(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	return o.act(ctx, storage.VerbCancel, id)
}

// Drop removes the row of a job that has ended, its dead letter and its content; the
// letter first, since one without a row becomes a row. What the queue holds of the job is
// to be removed before. storage.ErrNotEnded.
func (o Operator) Drop(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	row, err := o.Ledger.Get(ctx, id)
	if err != nil {
		return storage.Job{}, err
	}
	if row.State.Final() {
		if err := o.Letters.DiscardAll(ctx, id); err != nil {
			return row, err
		}
	}
	began := time.Now()
	dropped, err := o.act(ctx, storage.VerbDrop, id)
	if err == nil {
		discardOf(ctx, o.Contents, row, began)
	}
	return dropped, err
}

// RefusalCode returns the code of an error by which a job refuses what an operator asks
// for, and whether it is one.
func RefusalCode(err error) (string, bool) {
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return e.Code, true
	}
	if errors.Is(err, storage.ErrNotFound) {
		return "not_found", true
	}
	return storage.ActCode(err)
}
