package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// errCancelled is the cause that ends the work of a job which a user cancelled.
var errCancelled = errors.New("the job was cancelled")

// runLong carries out a job that works under a claim.
func (x *Executor) runLong(ctx context.Context, t *task) {
	if err := x.hung.trouble(); err != nil {
		x.failAll(ctx, []*task{t}, err)
		return
	}
	row, err := x.Ledger.Get(ctx, t.row.ID)
	if err == nil && differ(row, t.row) {
		x.differs(ctx, t)
		return
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		x.failAll(ctx, []*task{t}, err)
		return
	}
	mine := t.row
	mine.Envelope, mine.Unique = t.delivery.Body, t.env.Unique
	row, claim, err := x.claim(ctx, mine)
	switch {
	case errors.Is(err, storage.ErrFinal):
		t.ended(row)
		x.sweepAgain(ctx, t, row)
	case errors.Is(err, storage.ErrLeased):
		after := max(time.Until(row.LeaseUntil), time.Second)
		t.again(ActionRetry, min(after, x.Lease), "", err)
		t.verdict.State = row.State
	case isExists(err):
		x.settle(ctx, t, storage.JobRefused, CodeExists, err)
	case err != nil:
		x.failAll(ctx, []*task{t}, err)
	default:
		t.attempt = row.Attempt
		x.work(ctx, t, row, claim)
	}
}

// work runs a claimed job and ends, releases or abandons the claim.
func (x *Executor) work(ctx context.Context, t *task, row storage.Job, c storage.Claim) {
	if row.Cancel {
		x.finish(ctx, t, c, storage.Final{State: storage.JobCancelled, ErrorCode: CodeCancelled})
		return
	}
	if limit := x.attemptLimit(t, row); t.attempt > limit {
		err := errors.New("the worker ended before the job did, each time")
		if limit == x.maxAttempts(t) && row.ErrorCode != CodeAttempts {
			x.release(ctx, t, c, true, CodeAttempts, err)
			x.doubt(ctx, t, err)
			return
		}
		x.give(ctx, t, c, err)
		return
	}
	beat := x.startHeartbeat(ctx, c, row, t.env.Timeout)
	outcome, err := within(beat.ctx, &x.hung.long, x.longPatience, func() (out []byte, err error) {
		err = guard(func() error {
			out, err = x.do(beat.ctx, t, c, beat.progress)
			return err
		})
		return out, err
	})
	cause := beat.stop()
	if beat.advanced {
		t.attempt = max(t.attempt-1, 0)
	}
	switch code, refused := refusal(err); {
	case errors.Is(err, errSuspended):
		t.done(storage.JobRunning, false)
	case isChunkFailure(err):
		x.endAs(ctx, t, c, err)
	case err == nil:
		x.finished(ctx, t, c, storage.Final{State: storage.JobDone, Outcome: outcome, Progress: beat.progressed()})
	case errors.Is(err, storage.ErrFenced), errors.Is(cause, storage.ErrFenced):
		x.lost(ctx, t)
	case errors.Is(cause, errCancelled):
		x.finish(ctx, t, c, storage.Final{State: storage.JobCancelled, ErrorCode: CodeCancelled})
	case ctx.Err() != nil:
		x.release(ctx, t, c, !beat.advanced, CodeShutdown, err)
		t.again(ActionRetry, 0, CodeShutdown, err)
	case pauses(err), errors.Is(cause, storage.ErrUnavailable):
		pause := CodeUnavailable
		if pauses(err) {
			pause = failureCode(err)
		}
		x.release(ctx, t, c, !beat.advanced, pause, err)
		t.again(ActionPause, 0, pause, err)
	case refused:
		x.refuse(ctx, t, c, code, err)
	default:
		switch {
		case errors.Is(cause, errStalled):
			err = fmt.Errorf("%w: none within %s: %w", errStalled, x.StallTimeout, err)
		case errors.Is(cause, errTimeout):
			err = fmt.Errorf("%w: more than %s: %w", errTimeout, t.env.Timeout, err)
		case isPanic(cause):
			err = fmt.Errorf("%w: %w", cause, err)
		}
		x.forgive(ctx, t, row)
		x.give(ctx, t, c, err)
	}
}

// attemptLimit is how many attempts a long job has. One that never failed by
// itself has many more: its workers were killed, perhaps for reasons of their own.
func (x *Executor) attemptLimit(t *task, row storage.Job) int {
	switch row.ErrorCode {
	case "", CodeShutdown, CodeUnavailable, CodeSetup:
		return deathFactor * x.maxAttempts(t)
	}
	return x.maxAttempts(t)
}

// forgive takes back the attempts before a job's first failure of its own: they
// ended with their workers. When that fails they stay counted.
func (x *Executor) forgive(ctx context.Context, t *task, before storage.Job) {
	killed := t.attempt - 1
	if killed < 1 || x.attemptLimit(t, before) == x.maxAttempts(t) {
		return
	}
	if x.giveBack(ctx, slices.Repeat([]uuid.UUID{t.row.ID}, killed)) {
		t.attempt = 1
	}
}

// do runs the body of a long job. A nil outcome means that the body has ended
// the ledger row itself.
func (x *Executor) do(ctx context.Context, t *task, c storage.Claim, progress func(storage.Progress)) ([]byte, error) {
	if err := x.fetch(ctx, t); err != nil {
		return nil, err
	}
	by, err := x.actor(ctx, t.env)
	if err != nil {
		return nil, err
	}
	if x.divides(t.env.Kind()) {
		return x.divided(ctx, t, c, by, progress)
	}
	switch a := t.env.Args.(type) {
	case Load:
		return nil, x.Loader.Load(ctx, c, by, a, progress)
	case Backfill:
		stats, err := x.Backfiller.Backfill(ctx, by, a, progress)
		if err != nil {
			return nil, err
		}
		return json.Marshal(BackfillOutcome{Models: stats, DryRun: a.DryRun})
	case Migrate:
		stats, err := x.Migrator.Migrate(ctx, by, a, progress)
		if err != nil {
			return nil, err
		}
		return json.Marshal(MigrateOutcome{Models: stats, DryRun: a.DryRun})
	case Dump:
		out, err := x.Dumper.Dump(ctx, c, by, a, progress)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	case Verify:
		f, err := x.Verifier.Verify(ctx, by, a, progress)
		if err != nil {
			return nil, err
		}
		return json.Marshal(f)
	}
	return nil, &RefusedError{Code: CodeEnvelope, Err: errors.New("this kind of job does not run under a claim")}
}

// finished records the success of a job, unless its body did.
func (x *Executor) finished(ctx context.Context, t *task, c storage.Claim, f storage.Final) {
	t.done(storage.JobDone, false)
	t.verdict.Attempt = t.attempt
	if f.Outcome != nil {
		x.finish(ctx, t, c, f)
		x.discard(ctx, t)
		return
	}
	x.discard(ctx, t)
}

// sweepAgain sweeps what a load that ended without success had prepared: the worker died
// before it could, or a user ended the job.
func (x *Executor) sweepAgain(ctx context.Context, t *task, row storage.Job) {
	if row.State == storage.JobDone || t.env.Kind() != KindLoad {
		return
	}
	if err := x.Loader.Unstage(ctx, storage.Claim{Job: row.ID}); err != nil {
		t.again(ActionRetry, x.delay(1), failureCode(err), err)
		t.verdict.State = row.State
	}
}

// refuse records that the rules said no. An archive's error keeps its place.
func (x *Executor) refuse(ctx context.Context, t *task, c storage.Claim, code string, err error) {
	f := storage.Final{State: storage.JobRefused, ErrorCode: code, ErrorMessage: message(err)}
	if offset, ok := manager.OffsetOf(err); ok {
		f.Outcome, _ = json.Marshal(refusedOutcome{Offset: offset})
	}
	x.finish(ctx, t, c, f)
	if t.verdict.State == storage.JobRefused {
		t.verdict.Code, t.verdict.Err = code, err
	}
}

type refusedOutcome struct {
	Offset int64 `json:"offset"`
}

// give gives a failed job back for another attempt, or records it as dead.
func (x *Executor) give(ctx context.Context, t *task, c storage.Claim, err error) {
	class, code, _ := Classify(err)
	if t.attempt < x.maxAttempts(t) && class != ClassPoison {
		x.release(ctx, t, c, false, code, err)
		t.again(ActionRetry, x.delay(t.attempt), code, err)
		return
	}
	if t.attempt > x.maxAttempts(t) {
		code = CodeAttempts
	}
	x.finish(ctx, t, c, storage.Final{State: storage.JobDead, ErrorCode: code, ErrorMessage: message(err), Outcome: x.death(t, code, err)})
	if t.verdict.State == storage.JobDead {
		x.bury(ctx, t, code, err)
	}
}

// finish ends the claim; a load that failed is swept first. A body that ended the
// row itself has taken the claim with it: then the row tells how.
func (x *Executor) finish(ctx context.Context, t *task, c storage.Claim, f storage.Final) {
	ctx = context.WithoutCancel(ctx)
	var err error
	if f.State != storage.JobDone && t.env.Kind() == KindLoad {
		err = x.Loader.Unstage(ctx, c)
	}
	if err == nil {
		err = x.Ledger.Finish(ctx, c, f)
	}
	switch {
	case errors.Is(err, storage.ErrFenced):
		x.lost(ctx, t)
	case err != nil:
		// The end is not known to be recorded: the job comes again, and finds it so or
		// is done once more.
		x.release(ctx, t, c, true, failureCode(err), err)
		t.again(ActionPause, 0, failureCode(err), err)
	default:
		t.done(f.State, false)
		t.verdict.Attempt, t.verdict.Code = t.attempt, f.ErrorCode
	}
}

// lost ends the work of a process that no longer holds the claim.
func (x *Executor) lost(ctx context.Context, t *task) {
	row, err := x.Ledger.Get(context.WithoutCancel(ctx), t.row.ID)
	if err == nil && row.State.Final() {
		t.ended(row)
		t.verdict.Repeated = false
		return
	}
	t.again(ActionRetry, x.Lease, "", storage.ErrFenced)
}

func (x *Executor) release(ctx context.Context, t *task, c storage.Claim, refund bool, code string, err error) {
	if x.letGo(ctx, owedClaim{c, refund, code, message(err)}) && refund {
		t.attempt = max(t.attempt-1, 0)
	}
}
