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
	name  string
	makes bool
	turn  chan struct{} // holds one element while somebody of this process has the lock
}

// New returns the lock of the file name, which is made when it is not there.
func New(name string) *Lock {
	return &Lock{name: name, makes: true, turn: make(chan struct{}, 1)}
}

// Existing returns the lock of the file name for those who make nothing: while the file
// is not there the lock is free.
func Existing(name string) *Lock { return &Lock{name: name, turn: make(chan struct{}, 1)} }

// Hold takes the lock in a directory as soon as it is free, as long as ctx lasts.
func (l *Lock) Hold(ctx context.Context, root *os.Root, how Mode) (release func() error, err error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return l.take(root, func(f *os.File) error { return flock(ctx, f, how) })
}

// ErrHeld says that somebody else holds a lock.
var ErrHeld = errors.New("the lock is held")

// Try takes the lock in a directory if it is free now; else the error is ErrHeld.
func (l *Lock) Try(root *os.Root, how Mode) (release func() error, err error) {
	select {
	case l.turn <- struct{}{}:
	default:
		return nil, ErrHeld
	}
	return l.take(root, func(f *os.File) error { return tryFlock(f, how) })
}

// take locks the file. This process has the turn.
func (l *Lock) take(root *os.Root, lock func(*os.File) error) (release func() error, err error) {
	f, err := l.open(root)
	if err == nil && f != nil {
		if err = lock(f); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		<-l.turn
		return nil, err
	}
	return func() error {
		defer func() { <-l.turn }()
		if f == nil {
			return nil
		}
		return f.Close() // which gives the lock up
	}, nil
}

// open opens the file of the lock, nil when it is not there and not made. Where another
// user has made it, opening it for reading is enough, except on network file systems.
func (l *Lock) open(root *os.Root) (*os.File, error) {
	if !l.makes {
		f, err := root.Open(l.name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return f, err
	}
	f, err := root.OpenFile(l.name, os.O_RDWR|os.O_CREATE, 0o666)
	if errors.Is(err, fs.ErrPermission) {
		return root.Open(l.name)
	}
	return f, err
}

// flock waits for the lock as long as ctx lasts.
func flock(ctx context.Context, f *os.File, how Mode) error {
	for {
		if err := tryFlock(f, how); !errors.Is(err, ErrHeld) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// tryFlock takes the lock or returns ErrHeld.
func tryFlock(f *os.File, how Mode) error {
	for {
		switch err := syscall.Flock(int(f.Fd()), int(how)|syscall.LOCK_NB); {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrHeld
		default:
			return err
		}
	}
}
