package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// errOrder is why a save is handed back that must not overtake another one.
var errOrder = errors.New("an earlier save of the same resource is to be tried again")

// failAll gives short jobs whose unit of work failed their verdicts. When ctx has
// ended, that is taken as the reason, whatever the error says. Its error is why
// what follows should not be tried now, see ending.
func (x *Executor) failAll(ctx context.Context, tasks []*task, err error) error {
	if ctx.Err() != nil {
		x.refund(ctx, tasks)
		for _, t := range tasks {
			t.again(ActionRetry, 0, CodeShutdown, err)
		}
		return err
	}
	switch class, code, _ := Classify(err); class {
	case ClassPause:
		x.refund(ctx, tasks)
		for _, t := range tasks {
			t.again(ActionPause, 0, code, err)
		}
		return err
	case ClassRefuse:
		for _, t := range tasks {
			x.settle(ctx, t, storage.JobRefused, code, err)
		}
		return nil
	}
	for i, t := range tasks {
		if err := x.failed(ctx, t, len(tasks) == 1, err); err != nil {
			return x.failAll(ctx, tasks[i:], err)
		}
	}
	return nil
}

// failed gives a short job that failed by itself another attempt, or none, as to
// one that is alone in its unit of work and that no attempt would cure. Its error says that the failure cannot be counted: the store is down too.
func (x *Executor) failed(ctx context.Context, t *task, alone bool, err error) error {
	class, code, _ := Classify(err)
	if t.attempt == 0 {
		row := t.row
		row.Envelope, row.ErrorCode, row.ErrorMessage = t.delivery.Body, code, message(err)
		rows, aerr := x.countAttempts(ctx, []storage.Job{row})
		if ending(ctx, aerr) != nil {
			return aerr
		}
		if aerr == nil {
			t.attempt = rows[0].Attempt
		}
	}
	if t.attempt >= x.maxAttempts(t) || alone && class == ClassPoison && t.attempt > 0 {
		x.kill(ctx, t, code, err)
		return nil
	}
	x.comesAgain(t, x.delay(t.attempt), code, err)
	return nil
}

// again asks for another delivery.
func (t *task) again(a Action, after time.Duration, code string, err error) {
	t.verdict.Action, t.verdict.After, t.verdict.State = a, after, storage.JobQueued
	t.verdict.Attempt, t.verdict.Code, t.verdict.Err = t.attempt, code, err
}

// settle records the end of a job without effect and reports whether it could.
func (x *Executor) settle(ctx context.Context, t *task, s storage.JobState, code string, err error) bool {
	return x.settleRow(ctx, t, t.final(s, code, err), err)
}

// settleRow is settle with the row that is recorded.
func (x *Executor) settleRow(ctx context.Context, t *task, row storage.Job, err error) bool {
	if serr := x.Ledger.Settle(ctx, []storage.Job{row}); serr != nil {
		t.again(ActionPause, 0, failureCode(serr), serr)
		return false
	}
	s, code := row.State, row.ErrorCode
	t.done(s, false)
	t.verdict.Attempt, t.verdict.Code, t.verdict.Err = t.attempt, code, err
	return true
}

// reject buries a message that is no job, one of a newer schema when no worker took
// it for long. A row that another message made under the same id stays as it is.
func (x *Executor) reject(ctx context.Context, t *task) {
	since := t.delivery.Published
	if row, err := x.Ledger.Get(ctx, t.row.ID); err == nil {
		if differ(row, t.row) {
			x.differs(ctx, t)
			return
		}
		since = row.Created // it may have been published again
	}
	code := CodeEnvelope
	if newerSchema(t.delivery.Body) {
		if code = CodeSchema; time.Since(since) < schemaPatience {
			t.again(ActionRetry, schemaRetry, code, t.err)
			return
		}
	}
	x.kill(ctx, t, code, t.err)
}

// refund takes the counted attempts back, when the store is down as soon as it
// answers.
func (x *Executor) refund(ctx context.Context, tasks []*task) {
	var ids []uuid.UUID
	for _, t := range tasks {
		if t.counted {
			ids = append(ids, t.row.ID)
			t.counted, t.attempt = false, max(t.attempt-1, 0)
		}
	}
	if len(ids) > 0 {
		x.giveBack(ctx, ids)
	}
}
