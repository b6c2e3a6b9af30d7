package filelock

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

func hold(t *testing.T, l *Lock, root *os.Root, how Mode) (release func() error, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	return l.Hold(ctx, root, how)
}

// Two locks of one file are as those of two processes: flock belongs to what was opened.
func TestLockExcludes(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	ours, theirs := New("lock"), New("lock")
	for _, tc := range []struct {
		first, second Mode
		free          bool
	}{
		{Shared, Shared, true}, {Shared, Exclusive, false}, {Exclusive, Shared, false}, {Exclusive, Exclusive, false},
	} {
		release, err := hold(t, ours, root, tc.first)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hold(t, ours, root, tc.second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v beside %v in one process: %v", tc.second, tc.first, err)
		}
		again, err := hold(t, theirs, root, tc.second)
		switch {
		case tc.free && err != nil, !tc.free && !errors.Is(err, context.DeadlineExceeded):
			t.Errorf("%v beside %v: %v", tc.second, tc.first, err)
		case err == nil:
			if err := again(); err != nil {
				t.Error(err)
			}
		}
		if err := release(); err != nil {
			t.Error(err)
		}
		if release, err = hold(t, theirs, root, tc.second); err != nil {
			t.Errorf("a lock that was given up is not free: %v", err)
		} else if err := release(); err != nil {
			t.Error(err)
		}
	}
}

// Whoever only tries does not wait, and whoever makes nothing leaves no file.
func TestTryDoesNotWait(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	ours, theirs := New("lock"), Existing("lock")
	release, err := theirs.Try(root, Exclusive)
	if err != nil {
		t.Fatalf("a lock without a file: %v", err)
	}
	if _, err := theirs.Try(root, Exclusive); !errors.Is(err, ErrHeld) {
		t.Errorf("a second try in one process: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := root.Stat("lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of the lock was made: %v", err)
	}
	if release, err = ours.Try(root, Exclusive); err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Try(root, Exclusive); !errors.Is(err, ErrHeld) {
		t.Errorf("a held lock: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = theirs.Try(root, Exclusive); err != nil {
		t.Fatalf("a lock that was given up: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}
