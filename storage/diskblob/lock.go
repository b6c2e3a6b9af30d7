package diskblob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// lockName is the file whose lock decides who may make blobs visible: writers
// share it, whoever removes blobs by their age holds it alone.
const lockName = ".specstar-lock"

// lockPause is how long a process waits before it asks for a held lock again.
const lockPause = 2 * time.Millisecond

// shared and exclusive are the two ways to hold the lock.
const (
	shared    = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
)

// lock takes the turn of this process and the directory's lock among processes.
func (s *Store) lock(ctx context.Context, root *os.Root, how int) (release func() error, err error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f, err := openLock(root)
	if err == nil {
		if err = flock(ctx, f, how); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		<-s.turn
		return nil, err
	}
	return func() error {
		defer func() { <-s.turn }()
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
func flock(ctx context.Context, f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
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
