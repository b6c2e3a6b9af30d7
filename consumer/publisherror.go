package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
)

// ErrQueueFull: the queue or its server has reached a limit and takes no more jobs
// until some are done. It comes inside of a *[jobs.BusyError].
var ErrQueueFull = errors.New("the queue is full")

// ErrTooLarge: a message is larger than the queue takes.
var ErrTooLarge = errors.New("the message is larger than the queue takes")

// ErrNoAnswer: the queue did not say in time whether it took a message.
var ErrNoAnswer = errors.New("the queue does not answer")

// ErrForbidden: the user of the connection may not publish jobs.
var ErrForbidden = errors.New("the server does not allow it")

// fullWait is how long to wait before a full queue is tried again.
const fullWait = 2 * time.Second

// tooLarge is the code of the server for a message beyond the stream's limit for one.
const tooLarge = 10054

// fullCodes are those for a stream, an account or a server at its limit, or a disk
// that is full.
var fullCodes = map[jetstream.ErrorCode]bool{
	10002: true, // resource limits exceeded for account
	10023: true, // insufficient resources
	10028: true, // JetStream memory resource limits exceeded
	10047: true, // insufficient storage resources available
	10077: true, // the stream's maximum of bytes or messages, or a disk
}

// publishError tells what was wrong and what helps.
func publishError(err error) error {
	api, refused := errors.AsType[*jetstream.APIError](err)
	switch {
	case err == nil:
		return nil
	case refused && fullCodes[api.ErrorCode]:
		return fmt.Errorf("publish: %w", full(api.Description))
	case refused && api.ErrorCode == tooLarge, errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("publish: %w: use several jobs with fewer operations each (%w)", ErrTooLarge, err)
	case errors.Is(err, jetstream.ErrAsyncPublishTimeout):
		return fmt.Errorf("publish: %w: it is down, or its disk is full: free space and start its server again (%w)", ErrNoAnswer, err)
	}
	return fmt.Errorf("publish: %w", err)
}

// full is the error of a queue at a limit.
func full(what string) *jobs.BusyError {
	return &jobs.BusyError{RetryAfter: fullWait, Err: fmt.Errorf("%w: %s; it takes more when workers have done some jobs", ErrQueueFull, what)}
}

// retryable reports whether sending once more may help.
func (p *Publisher) retryable(err error) bool {
	for _, final := range []error{ErrQueueFull, ErrTooLarge, ErrNoAnswer, ErrForbidden, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, final) {
			return false
		}
	}
	return err != nil && !p.api.line.ended(err)
}

// permissionLook is how often is looked whether the server has forbidden something.
const permissionLook = 100 * time.Millisecond

// whileAllowed returns a context that ends with [ErrForbidden] when the server forbids
// this connection to publish jobs, or to hear the answers. The server tells so beside
// the messages and answers nothing to them. end must be called.
func (p *Publisher) whileAllowed(parent context.Context) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(parent)
	nc := p.js().Conn()
	before := nc.LastError()
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(permissionLook)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := nc.LastError(); err != before && p.forbids(err) { // that one, not one like it
				cancel(fmt.Errorf("%w: %w: give the user of this connection the right to publish to %s and to subscribe to its inbox",
					ErrForbidden, err, p.q.jobsSubject()))
				return
			}
		}
	})
	return ctx, func() {
		cancel(nil)
		watching.Wait()
	}
}

// forbids reports whether an error of the connection is that publishing is forbidden.
func (p *Publisher) forbids(err error) bool {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return false
	}
	text := err.Error()
	return strings.Contains(text, strings.TrimSuffix(p.q.jobsSubject(), "*.*")) || strings.Contains(text, nats.InboxPrefix)
}
