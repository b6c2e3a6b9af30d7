package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// BusyError says that a job was not taken since too much waits already: the same
// submission works later.
type BusyError struct {
	// RetryAfter is how long to wait before the next try.
	RetryAfter time.Duration
	// Err is what is full.
	Err error
}

// Error says what is full and when to try again.
func (e *BusyError) Error() string {
	return fmt.Sprintf("busy: %v; try again in %s", e.Err, e.RetryAfter)
}

// Unwrap returns what is full.
func (e *BusyError) Unwrap() error { return e.Err }

// TooLargeError says that a job's message is longer than its queue takes. Nothing of
// the job was written.
type TooLargeError struct {
	Job         string
	Bytes, Most int
}

// Error names the job and the way out.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("job %s: its message of %d bytes is longer than the %d that the queue takes: use several jobs with fewer operations each", e.Job, e.Bytes, e.Most)
}

// DefaultMaxUnfinished is how many unfinished jobs a ledger may hold before submitters
// take no more that have their row first.
const DefaultMaxUnfinished = 1_000_000

const (
	// unfinishedWait is how long a submitter waits that meets too many.
	unfinishedWait = 5 * time.Second
	// countFor is how long a count of the ledger is believed.
	countFor = time.Second
)

// backlog bounds how many jobs wait in a ledger.
type backlog struct {
	most int64

	mu sync.Mutex
	// n is how many unfinished jobs there were at the given time, and those added since.
	n  int64
	at time.Time
}

// admit returns a *BusyError when the ledger holds too many unfinished jobs for more.
func (b *backlog) admit(ctx context.Context, l storage.Ledger, more int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.at) > countFor {
		counts, err := l.Count(ctx, storage.JobQueued, storage.JobRunning)
		if err != nil {
			return fmt.Errorf("count unfinished jobs: %w", err)
		}
		b.n, b.at = counts[storage.JobQueued]+counts[storage.JobRunning], time.Now()
	}
	if b.n >= b.most {
		return &BusyError{RetryAfter: unfinishedWait, Err: fmt.Errorf("%d jobs have not ended, the limit is %d", b.n, b.most)}
	}
	b.n += int64(more)
	return nil
}
