package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// lockPause is how long a process waits before it asks for a held lock again.
const lockPause = 2 * time.Millisecond

// lock takes the turn of this process and the model's lock among processes.
func (m *modelFiles) lock(ctx context.Context, t *tree) (release func() error, err error) {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f, err := openLock(t.Root)
	if err == nil {
		if err = flock(ctx, f); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		<-m.turn
		return nil, err
	}
	return func() error {
		defer func() { <-m.turn }()
		return f.Close() // which gives the lock up
	}, nil
}

// openLock opens the file of the lock. Where another user has made it, opening it
// for reading is enough, except on network file systems.
func openLock(root *os.Root) (*os.File, error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o666)
	if errors.Is(err, fs.ErrPermission) {
		return root.Open(lockName)
	}
	return f, err
}

// flock waits for the lock as long as ctx lasts.
func flock(ctx context.Context, f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPause):
		}
	}
}
