package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// ChunkUnits returns what a chunk that is done adds to the progress of its job.
func ChunkUnits(ch storage.Chunk) int64 {
	o, err := manager.ReadChunkOutcome(ch)
	if err != nil {
		return 0
	}
	return o.Units
}

// runChunk does a chunk of a divided job. Unless it fails it leaves no job of its own in
// the ledger, but its chunk's row.
func (x *Executor) runChunk(ctx context.Context, t *task) {
	if err := x.hung.trouble(); err != nil {
		x.failAll(ctx, []*task{t}, err)
		return
	}
	live, err := x.count(ctx, []*task{t})
	if err != nil {
		x.failAll(ctx, []*task{t}, err)
		return
	}
	if len(live) == 0 {
		x.wakeAfterEnd(ctx, t)
		return
	}
	a := t.env.Args.(Chunk)
	x.underway.begin(a.Job)
	defer x.chunkEnds(ctx, a.Job)
	open, err := x.openChunk(ctx, a)
	if err == nil {
		err = x.doChunk(ctx, t, open, a)
	}
	switch code, refused := refusal(err); {
	case err == nil:
		x.chunkDone(ctx, t, open)
	case ctx.Err() == nil && (errors.Is(err, storage.ErrFenced) || errors.Is(err, errUnwanted)):
		x.unwanted(ctx, t, a.Job)
	case ctx.Err() == nil && refused:
		x.refuseChunk(ctx, t, code, err)
	default:
		x.failAll(ctx, []*task{t}, err)
		x.wakeAfterEnd(ctx, t)
	}
}

// errUnwanted says that a chunk is not to be done: its job has ended, or is planned anew.
var errUnwanted = errors.New("the chunk is not wanted any more")

// openChunk returns the plan of a chunk's job.
func (x *Executor) openChunk(ctx context.Context, a Chunk) (openPlan, error) {
	if open, ok := x.plans.get(a.Job, a.Plan[:]); ok {
		return open, nil
	}
	if x.Chunker == nil {
		return openPlan{}, &RefusedError{Code: CodeEnvelope, Err: errors.New("this worker does no chunks")}
	}
	job, err := x.Ledger.Get(ctx, a.Job)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (job.State.Final() || job.Cancel) {
		return openPlan{}, errUnwanted
	}
	if err != nil {
		return openPlan{}, fmt.Errorf("look at job %s: %w", a.Job, err)
	}
	env, err := x.envelopeOf(ctx, job)
	if err != nil {
		return openPlan{}, err
	}
	by, err := x.actor(ctx, env)
	if err != nil {
		return openPlan{}, err
	}
	return x.openStored(ctx, a.Job, by, env.Args, a.Plan[:])
}

// envelopeOf returns the envelope of a job in the ledger, with its content.
func (x *Executor) envelopeOf(ctx context.Context, job storage.Job) (Envelope, error) {
	env, err := x.decode("", job.Envelope)
	if err == nil {
		env, err = env.Open(ctx, x.Contents)
	}
	if err != nil {
		return env, fmt.Errorf("read the message of job %s: %w", job.Text, err)
	}
	return env, nil
}

// doChunk does a chunk within the time that a unit of work may take.
func (x *Executor) doChunk(ctx context.Context, t *task, open openPlan, a Chunk) error {
	timed, cancel := context.WithTimeoutCause(ctx, x.ChunkTimeout, errTimeout)
	defer cancel()
	_, err := within(timed, &x.hung.saves, savePatience, func() (struct{}, error) {
		return struct{}{}, guard(func() error { return open.chunks.Do(timed, a.ref()) })
	})
	return x.late(timed, x.ChunkTimeout, err)
}

// chunkDone ends the message of a chunk.
func (x *Executor) chunkDone(ctx context.Context, t *task, open openPlan) {
	ctx = context.WithoutCancel(ctx)
	if t.counted && !x.settle(ctx, t, storage.JobDone, "", nil) {
		return
	}
	t.done(storage.JobDone, false)
	t.verdict.Attempt = max(t.attempt, 1)
	x.underway.done(open.job, open.number)
}

// chunkEnds wakes a job when all its chunks are done, unless more of them are being done
// here: the last one to end does it.
func (x *Executor) chunkEnds(ctx context.Context, job uuid.UUID) {
	if of := x.underway.end(job); of > 0 {
		x.wakeWhenAllDone(context.WithoutCancel(ctx), job, of)
	}
}

// wakeWhenAllDone wakes a job when so many chunks of it are done. When that fails the job
// is looked at all the same, see [Config.WakeAfter].
func (x *Executor) wakeWhenAllDone(ctx context.Context, job uuid.UUID, chunks int) {
	if n, err := x.Ledger.CountChunks(ctx, job); err == nil && n >= chunks {
		_ = x.wake(ctx, job)
	}
}

// unwanted ends the message of a chunk whose job has ended or is planned anew, and
// forgets what it staged too late.
func (x *Executor) unwanted(ctx context.Context, t *task, job uuid.UUID) {
	ctx = context.WithoutCancel(ctx)
	x.plans.drop(job)
	if err := x.Loader.Unstage(ctx, storage.Claim{Job: job}); err != nil && !errors.Is(err, storage.ErrNotFound) {
		x.failAll(ctx, []*task{t}, err)
		return
	}
	if t.counted && !x.settle(ctx, t, storage.JobCancelled, CodeCancelled, errUnwanted) {
		return
	}
	t.done(storage.JobCancelled, false)
	t.verdict.Code = CodeCancelled
}

// refuseChunk records that the rules refused a chunk, which its job is to end with.
func (x *Executor) refuseChunk(ctx context.Context, t *task, code string, err error) {
	row := t.final(storage.JobRefused, code, err)
	row.Outcome, _ = json.Marshal(manager.RefusalOf(err))
	if x.settleRow(ctx, t, row, err) {
		x.wakeAfterEnd(ctx, t)
	}
}

// wakeAfterEnd wakes the job of a chunk that ended for good otherwise than done.
func (x *Executor) wakeAfterEnd(ctx context.Context, t *task) {
	if s := t.verdict.State; s != storage.JobRefused && s != storage.JobDead {
		return
	}
	if err := x.wake(context.WithoutCancel(ctx), t.env.Args.(Chunk).Job); err != nil {
		t.again(ActionRetry, x.delay(1), failureCode(err), err)
	}
}

// wake has a suspended job gone on with at once, by whoever takes its message.
func (x *Executor) wake(ctx context.Context, job uuid.UUID) error {
	row, suspended, err := x.Ledger.Wake(ctx, job)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !suspended {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wake job %s: %w", job, err)
	}
	// Whoever looks for jobs that are due publishes it when this fails.
	_, _ = (&Reconciler{Ledger: x.Ledger, Publisher: x.Publisher}).publishDue(ctx, []storage.Job{row})
	return nil
}

// chunkFailure says that a chunk of a job failed for good.
type chunkFailure struct{ row storage.Job }

func (e *chunkFailure) Error() string {
	return fmt.Sprintf("chunk %s: %s", e.row.Text, e.row.ErrorMessage)
}

func isChunkFailure(err error) bool {
	_, is := errors.AsType[*chunkFailure](err)
	return is
}

// failedChunk returns a *chunkFailure when a chunk of a claimed job failed for good.
func (x *Executor) failedChunk(ctx context.Context, c storage.Claim) error {
	f := storage.JobFilter{Parent: c.Job, Kind: string(KindChunk), States: []storage.JobState{storage.JobRefused, storage.JobDead}, Limit: 1}
	for row, err := range x.Ledger.List(ctx, f) {
		if err != nil {
			return fmt.Errorf("look for chunks of job %s that failed: %w", c.Job, err)
		}
		return &chunkFailure{row}
	}
	return nil
}

// endAs ends a job as a chunk of it ended.
func (x *Executor) endAs(ctx context.Context, t *task, c storage.Claim, err error) {
	failed, _ := errors.AsType[*chunkFailure](err)
	x.plans.drop(c.Job)
	x.finish(ctx, t, c, storage.Final{
		State: failed.row.State, Outcome: failed.row.Outcome, ErrorCode: failed.row.ErrorCode, ErrorMessage: message(err),
	})
	if t.verdict.State == storage.JobDead {
		x.bury(ctx, t, failed.row.ErrorCode, err)
		return
	}
	t.verdict.Code, t.verdict.Err = failed.row.ErrorCode, err
}
