package owner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// poll is how often Enter looks again while an owner starts.
const poll = 20 * time.Millisecond

// NotReadyError says that the owner of a data directory has not published how
// to reach it.
type NotReadyError struct {
	HeldError
	Waited time.Duration
}

// Error names the owner, the directory and the way out.
func (e *NotReadyError) Error() string {
	return fmt.Sprintf("%s, which was not ready within %s; try again, or end that process", e.HeldError.Error(), e.Waited)
}

// Enter takes the ownership of a data directory, or returns the card of the
// process that has it, waiting until that process is ready. The lock is nil when
// another process is the owner. Errors: *NotReadyError after wait.
func Enter(ctx context.Context, data, command string, wait time.Duration) (*Lock, Card, error) {
	deadline := time.Now().Add(wait)
	for {
		l, err := Acquire(data, command)
		held, isHeld := errors.AsType[*HeldError](err)
		if !isHeld {
			return l, Card{}, err
		}
		c, err := ReadCard(data)
		if err == nil && c.PID == readHolder(filepath.Join(Dir(data), "lock")).PID {
			return nil, c, nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, Card{}, err
		}
		if time.Now().After(deadline) {
			return nil, Card{}, &NotReadyError{HeldError: *held, Waited: wait}
		}
		select {
		case <-ctx.Done():
			return nil, Card{}, context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}
