package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// outagePatience is how long a command that does its jobs itself waits for a store
// that is down or full. A worker that runs waits for ever.
const outagePatience = 5 * time.Second

// observedExecutor is an executor that tells when jobs have ended, and remembers
// since when the store does not take what is written, and why.
type observedExecutor struct {
	consumer.Executor
	// ended takes a token after any job has ended, loadEnded after a load has; each
	// must have room for one.
	ended, loadEnded chan struct{}
	// work is told of every batch.
	work *web.Work

	mu sync.Mutex
	// awaited are jobs that the command waits for, with the hashes of their messages,
	// done those of them that were done here.
	awaited map[uuid.UUID][sha256.Size]byte
	done    map[uuid.UUID]bool
	since   time.Time
	cause   error
	// longEnded are the long jobs that ended here, rules having acted; in a process that
	// ends with its command.
	longEnded map[uuid.UUID]bool
	// cut are the jobs that were begun and handed back since the process ends, by kind
	// and id.
	cut []string
}

// Open implements [consumer.Executor].
func (o *observedExecutor) Open(deliveries []jobs.Delivery) jobs.Batch {
	begun := time.Now()
	return observedBatch{o.Executor.Open(deliveries), o, begun, deliveries}
}

// observedBatch is a batch of an observed executor.
type observedBatch struct {
	jobs.Batch
	executor   *observedExecutor
	begun      time.Time
	deliveries []jobs.Delivery
}

// Run implements [jobs.Batch].
func (b observedBatch) Run(ctx context.Context) []jobs.Verdict {
	verdicts := b.Batch.Run(ctx)
	b.executor.executed(b.begun, b.deliveries, verdicts)
	return verdicts
}

// executed notes what became of a batch.
func (o *observedExecutor) executed(begun time.Time, deliveries []jobs.Delivery, verdicts []jobs.Verdict) {
	o.work.Executed(begun, deliveries, verdicts)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, v := range verdicts {
		if v.State.Final() {
			o.noteEnd(v)
		}
		if v.Action == jobs.ActionRetry && v.Code == jobs.CodeShutdown {
			o.cut = append(o.cut, string(v.Kind)+" "+v.Text)
		}
		switch {
		case v.Action != jobs.ActionPause:
			o.since, o.cause = time.Time{}, nil
		case o.since.IsZero():
			o.since, o.cause = time.Now(), v.Err
		}
	}
}

// noteEnd tells of a job that has ended. The caller holds mu.
func (o *observedExecutor) noteEnd(v jobs.Verdict) {
	token(o.ended)
	if o.longEnded != nil && v.Kind != jobs.KindSave && v.Action != jobs.ActionRetry {
		o.longEnded[v.ID] = true
	}
	if v.Kind == jobs.KindLoad {
		token(o.loadEnded)
	}
	if hash, ok := o.awaited[v.ID]; ok && v.State == storage.JobDone && v.Action == jobs.ActionAck && !v.Repeated && v.Refused+v.Superseded == 0 {
		o.done[v.ID] = v.Message == hash
	}
}

// token puts a token into a channel that has room for one.
func token(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // there is one already
	}
}

// await notes that the command waits for a job of the given message.
func (o *observedExecutor) await(id uuid.UUID, message [sha256.Size]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.awaited == nil {
		o.awaited, o.done = make(map[uuid.UUID][sha256.Size]byte), make(map[uuid.UUID]bool)
	}
	o.awaited[id] = message
}

// wasDone reports whether a job that is waited for was done here, all of it: what
// the ledger says of it is known then.
func (o *observedExecutor) wasDone(id uuid.UUID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.done[id]
}

// hasEnded reports whether a long job ended here and rules have acted on that.
func (o *observedExecutor) hasEnded(id uuid.UUID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.longEnded[id]
}

// handedBack returns the jobs that were begun and handed back since the process ends.
func (o *observedExecutor) handedBack() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.cut)
}

// lasting returns why jobs cannot be done when that has been so for too long.
func (o *observedExecutor) lasting() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() || time.Since(o.since) < outagePatience {
		return nil
	}
	return &failure{Exit: exitUnavailable, Code: codeUnavailable, Message: fmt.Sprintf(
		"%v; nothing is half done and the job stays in the queue: worker run continues it", o.cause)}
}
