package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// chunksTogether is how many messages of chunks are published at a time.
const chunksTogether = 500

// errSuspended says that a job waits for its chunks: it has been given up without its
// end.
var errSuspended = errors.New("the job waits for its chunks")

// divides reports whether jobs of a kind are divided here.
func (x *Executor) divides(k Kind) bool {
	return x.Chunker != nil && x.Publisher != nil && slices.Contains(dividedKinds, k)
}

// dividedKinds are those of which a [Chunker] makes plans.
var dividedKinds = []Kind{KindLoad, KindBackfill, KindMigrate}

// divided goes on with a claimed job: it plans it, has its chunks done by whoever takes
// their messages, and ends it when all are done. Nobody waits meanwhile: the job is
// suspended, and whoever does the last chunk wakes it.
func (x *Executor) divided(ctx context.Context, t *task, c storage.Claim, by Actor, progress func(storage.Progress)) ([]byte, error) {
	p, err := x.Ledger.Outline(ctx, c.Job)
	if errors.Is(err, storage.ErrNotFound) {
		return x.plan(ctx, t, c, by, progress)
	}
	if err != nil {
		return nil, fmt.Errorf("look for the plan of job %s: %w", t.row.Text, err)
	}
	if err := x.failedChunk(ctx, c); err != nil {
		return nil, err
	}
	done, err := x.Ledger.Chunks(ctx, c.Job)
	if err != nil {
		return nil, fmt.Errorf("look for the chunks of job %s: %w", t.row.Text, err)
	}
	if len(done) < p.Chunks {
		return nil, x.await(ctx, t, c, p, done)
	}
	open, err := x.openStored(ctx, c.Job, by, t.env.Args, p.Digest)
	if err != nil {
		return nil, err
	}
	outcome, err := open.chunks.Finish(ctx, c, progress)
	if err == nil {
		x.plans.drop(c.Job)
	}
	return outcome, err
}

// plan plans a job, or does it when it is not worth dividing.
func (x *Executor) plan(ctx context.Context, t *task, c storage.Claim, by Actor, progress func(storage.Progress)) ([]byte, error) {
	p, outcome, err := x.Chunker.Plan(ctx, c, by, t.env.Args, progress)
	if err != nil || p == nil {
		return outcome, err
	}
	if err := x.suspend(ctx, t, c, p, storage.Progress{Total: p.Total}); err != nil {
		return nil, err
	}
	x.publishChunks(ctx, t, *p, nil, "")
	t.stage = plannedEvent(x.Store, t.row, *p)
	return nil, errSuspended
}

// await suspends a job again whose chunks are not all done. When the queue has fewer
// messages than that, or none was done since the job was looked at before, they are
// published again, under ids of their own. Of two messages of a chunk one does it.
func (x *Executor) await(ctx context.Context, t *task, c storage.Claim, p storage.Plan, done []storage.Chunk) error {
	progress := storage.Progress{Done: unitsOf(done), Total: p.Total}
	row, err := x.Ledger.Get(ctx, c.Job)
	if err != nil {
		return fmt.Errorf("look at job %s: %w", t.row.Text, err)
	}
	if err := x.suspend(ctx, t, c, nil, progress); err != nil {
		return err
	}
	if row.Done == progress.Done || x.lostChunks(ctx, t, p.Chunks-len(done)) {
		x.publishChunks(ctx, t, p, done, ":w"+strconv.FormatInt(row.Started.UnixMicro(), 36))
	}
	x.awaited(ctx, c, p)
	if t.delivery.Number > 1 { // whoever planned it may have died before it told so
		t.stage = plannedEvent(x.Store, t.row, p)
	}
	return errSuspended
}

// lostChunks reports whether the queue does not have the messages of all chunks that are
// missing: it lost them, or they are in another queue.
func (x *Executor) lostChunks(ctx context.Context, t *task, missing int) bool {
	lane := cmp.Or(t.env.Lane, LaneNormal)
	n, err := x.Publisher.Waiting(ctx, Subject(x.Publisher.Namespace(), lane, KindChunk))
	return err == nil && n < uint64(missing)
}

// WakeSuspended has all jobs looked at that wait for their chunks. It is for the only
// consumer of a queue when it starts: the messages may be in another one.
func WakeSuspended(ctx context.Context, l storage.Ledger) error {
	var waiting []uuid.UUID
	f := storage.JobFilter{States: []storage.JobState{storage.JobRunning}, Bare: true}
	for row, err := range l.List(ctx, f) {
		if err != nil {
			return fmt.Errorf("look for jobs that wait for their chunks: %w", err)
		}
		if row.Suspended() {
			waiting = append(waiting, row.ID)
		}
	}
	for _, id := range waiting {
		if _, _, err := l.Wake(ctx, id); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("wake job %s: %w", id, err)
		}
	}
	return nil
}

// awaited wakes a job again whose last chunk was done, or failed for good, just before it
// was suspended: nobody could wake it then.
func (x *Executor) awaited(ctx context.Context, c storage.Claim, p storage.Plan) {
	ctx = context.WithoutCancel(ctx)
	if isChunkFailure(x.failedChunk(ctx, c)) {
		_ = x.wake(ctx, c.Job)
		return
	}
	x.wakeWhenAllDone(ctx, c.Job, p.Chunks)
}

// suspend gives the claim of a job up until its chunks are done.
func (x *Executor) suspend(ctx context.Context, t *task, c storage.Claim, p *storage.Plan, done storage.Progress) error {
	until := time.Now().Add(x.WakeAfter).UTC().Truncate(time.Microsecond)
	if err := x.Ledger.Suspend(ctx, c, until, p, done); err != nil {
		return fmt.Errorf("have job %s wait for its chunks: %w", t.row.Text, err)
	}
	t.verdict.NotBefore = until
	return nil
}

// publishChunks publishes the messages of the chunks that are not done. What fails is
// made good when the job is looked at again.
func (x *Executor) publishChunks(ctx context.Context, t *task, p storage.Plan, done []storage.Chunk, suffix string) {
	is := make(map[int]bool, len(done))
	for _, ch := range done {
		is[ch.No] = true
	}
	ctx = context.WithoutCancel(ctx)
	var messages []Message
	for no := range p.Chunks {
		if is[no] {
			continue
		}
		ch := Chunk{Job: t.row.ID, No: no}
		copy(ch.Plan[:], p.Digest)
		e := Envelope{ID: ch.id(), User: t.env.User, Time: t.env.Time, Lane: t.env.Lane, Parent: t.row.ID, Args: ch}
		_, m, err := messageOf(x.Publisher.Namespace(), e, Envelope.Encode)
		if err != nil {
			return
		}
		if suffix != "" {
			m.ID, m.Job = m.ID+suffix, m.ID
		}
		if messages = append(messages, m); len(messages) == chunksTogether {
			if !x.publishSome(ctx, messages) {
				return
			}
			messages = messages[:0]
		}
	}
	x.publishSome(ctx, messages)
}

// publishSome publishes messages and reports whether the queue took them.
func (x *Executor) publishSome(ctx context.Context, messages []Message) bool {
	if len(messages) == 0 {
		return true
	}
	for _, ack := range x.Publisher.Publish(ctx, messages) {
		if ack.Err != nil {
			return false
		}
	}
	return true
}

// unitsOf returns how far chunks have brought their job.
func unitsOf(done []storage.Chunk) (units int64) {
	for _, ch := range done {
		units += ChunkUnits(ch)
	}
	return units
}
