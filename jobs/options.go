package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// Limits of [Options].
const (
	// MaxJobTimeout is the longest that an attempt may be given.
	MaxJobTimeout = 7 * 24 * time.Hour
	// MaxJobAttempts is the largest number of attempts that a job may be given.
	MaxJobAttempts = 1000
)

// CodeExpired is the code of a job that was not started in time.
const CodeExpired = "expired"

// Options are how a job is treated, beside what it does. The zero value leaves all to
// the worker.
type Options struct {
	// Expires is until when the job may be started, to the microsecond; then it is
	// dead, with code expired. The zero time means for ever.
	Expires time.Time
	// Timeout is how long one attempt may take, in whole seconds; what takes longer is
	// ended, counted and tried again (timeout). 0 leaves it to the worker.
	Timeout time.Duration
	// Attempts is after how many failed attempts the job is dead; 0 leaves it to the
	// worker.
	Attempts int
}

// wireOptions is the JSON form of [Options].
type wireOptions struct {
	Expires  time.Time `json:"expires,omitzero"`
	Timeout  int64     `json:"timeout,omitzero"`
	Attempts int       `json:"attempts,omitzero"`
}

// wire returns the JSON form; a part of a second counts as one.
func (o Options) wire() wireOptions {
	return wireOptions{
		Expires: o.Expires, Attempts: o.Attempts,
		Timeout: int64((o.Timeout + time.Second - 1) / time.Second),
	}
}

// option reads the value of a header field that is one of the options.
func (d *decoder) option(key string, o *Options) error {
	switch key {
	case "expires":
		return d.time(&o.Expires)
	case "timeout":
		n, err := d.number(1, int64(MaxJobTimeout/time.Second))
		o.Timeout = time.Duration(n) * time.Second
		return err
	case "attempts":
		n, err := d.number(1, MaxJobAttempts)
		o.Attempts = int(n)
		return err
	}
	return d.unknown()
}

// number reads an integer between least and most.
func (d *decoder) number(least, most int64) (int64, error) {
	var n int64
	if err := d.value(&n); err != nil {
		return 0, err
	}
	if n < least || n > most {
		return 0, d.errorf("%d is not between %d and %d", n, least, most)
	}
	return n, nil
}

// expired reports whether a job that was never started may no longer be.
func (o Options) expired(now time.Time) bool { return !o.Expires.IsZero() && now.After(o.Expires) }

// maxAttempts is after how many failed attempts the job of t is dead.
func (x *Executor) maxAttempts(t *task) int {
	if n := t.env.Attempts; n > 0 {
		return n
	}
	return x.MaxAttempts
}

// expire ends a job that was not started in time, and reports false when it was: then
// it goes on. The ledger tells; of a save that has no row no attempt took effect.
func (x *Executor) expire(ctx context.Context, t *task) bool {
	row, err := x.Ledger.Get(ctx, t.row.ID)
	switch {
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		x.failAll(ctx, []*task{t}, err)
	case err == nil && differ(row, t.row):
		x.differs(ctx, t)
	case err == nil && row.State.Final():
		t.ended(row)
	case err == nil && (row.State == storage.JobRunning || row.Attempt > 0):
		return false
	default:
		x.kill(ctx, t, CodeExpired, fmt.Errorf("it was to be started until %s", t.env.Expires.Format(time.RFC3339)))
	}
	return true
}
