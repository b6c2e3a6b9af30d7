package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
)

// outagePatience is how long a command that does its jobs itself waits for a store
// that is down or full. A worker that runs waits for ever.
const outagePatience = 5 * time.Second

// observedExecutor is an executor that tells when loads have ended, and remembers
// since when the store does not take what is written, and why.
type observedExecutor struct {
	consumer.Executor
	// loadEnded takes a token after a load has ended; it must have room for one.
	loadEnded chan struct{}

	mu    sync.Mutex
	since time.Time
	cause error
}

// Execute implements [consumer.Executor].
func (o *observedExecutor) Execute(ctx context.Context, deliveries []jobs.Delivery) []jobs.Verdict {
	verdicts := o.Executor.Execute(ctx, deliveries)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, v := range verdicts {
		if v.Kind == jobs.KindLoad && v.State.Final() {
			select {
			case o.loadEnded <- struct{}{}:
			default: // there is a token already
			}
		}
		switch {
		case v.Action != jobs.ActionPause:
			o.since, o.cause = time.Time{}, nil
		case o.since.IsZero():
			o.since, o.cause = time.Now(), v.Err
		}
	}
	return verdicts
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
