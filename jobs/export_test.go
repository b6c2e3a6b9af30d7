package jobs

import "context"

// DecodeWith has an executor decode messages by f.
func (x *Executor) DecodeWith(f func(contentType string, message []byte) (Envelope, error)) {
	x.decode = f
}

// FireFor has rules act on an event that tells of a job.
func (x *Executor) FireFor(ctx context.Context, e *Event, of *Envelope) (int, error) {
	return x.engine.fire(ctx, e, of)
}
