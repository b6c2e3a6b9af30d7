package consumer

import "time"

// Observer is told how long the queue took. Its methods are called by all loops at once
// and must be quick.
type Observer interface {
	// Pulled is called when a pull has ended.
	Pulled(result PullResult, took time.Duration)
	// Answered is called when the messages of a batch were answered; confirmed says that
	// the server's confirmation of each acknowledgement was waited for.
	Answered(confirmed bool, took time.Duration)
	// Told is called when an event was published; not when it was not, and its messages
	// are handed back to have it told again.
	Told(published bool)
}

// PullResult is what a pull brought.
type PullResult string

// The results of pulls.
const (
	PullFull    PullResult = "full"    // all messages, or bytes, that were asked for
	PullPartial PullResult = "partial" // some, and it waited for more
	PullEmpty   PullResult = "empty"   // none, though it waited
	PullFailed  PullResult = "failed"  // an error
)

// PullResults returns all results of pulls.
func PullResults() []PullResult { return []PullResult{PullFull, PullPartial, PullEmpty, PullFailed} }

// nobody is the observer where none is given.
type nobody struct{}

func (nobody) Pulled(PullResult, time.Duration) {}
func (nobody) Answered(bool, time.Duration)     {}
func (nobody) Told(bool)                        {}

// pullResult returns what a pull brought that asked for messages of bytes together.
func pullResult(asked, bytes, came, cameBytes int, err error) PullResult {
	switch {
	case err != nil:
		return PullFailed
	case came == 0:
		return PullEmpty
	case came >= asked || bytes-cameBytes < minFetchBytes:
		return PullFull
	}
	return PullPartial
}
