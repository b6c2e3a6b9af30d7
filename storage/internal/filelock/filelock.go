// Package filelock excludes the processes that work on one directory from each other,
// by a lock on a file in it.
package filelock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Mode is how a lock is held.
type Mode int

const (
	// Shared is held by any number at a time.
	Shared Mode = syscall.LOCK_SH
	// Exclusive is held by one alone.
	Exclusive Mode = syscall.LOCK_EX
)

// pause is how long a process waits before it asks for a held lock again.
const pause = 2 * time.Millisecond

// Lock is a lock of one directory. Within this process one holds it at a time, whatever
// the mode.
type Lock struct {
	name string
	turn chan struct{} // holds one element while somebody of this process has the lock
}

// New returns the lock of the file name.
func New(name string) *Lock { return &Lock{name: name, turn: make(chan struct{}, 1)} }

// Hold takes the lock in a directory as soon as it is free, as long as ctx lasts.
func (l *Lock) Hold(ctx context.Context, root *os.Root, how Mode) (release func() error, err error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f, err := open(root, l.name)
	if err == nil {
		if err = flock(ctx, f, how); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		<-l.turn
		return nil, err
	}
	return func() error {
		defer func() { <-l.turn }()
		return f.Close() // which gives the lock up
	}, nil
}

// open opens the file of the lock. Where another user has made it, opening it for
// reading is enough, except on network file systems.
func open(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if errors.Is(err, fs.ErrPermission) {
		return root.Open(name)
	}
	return f, err
}

// flock waits for the lock as long as ctx lasts.
func flock(ctx context.Context, f *os.File, how Mode) error {
	for {
		err := syscall.Flock(int(f.Fd()), int(how)|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
