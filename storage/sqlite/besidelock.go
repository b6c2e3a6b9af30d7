package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// alone runs fn while no other process of ours writes to the store. What an earlier
// one left undone is done first.
func (b *beside) alone(ctx context.Context, doing string, fn func() error) error {
	_, err := b.aloneIf(ctx, doing, true, fn)
	return err
}

// apart is alone where metas and revisions are outside; elsewhere a transaction does.
func (f *Factory) apart(ctx context.Context, doing string, fn func() error) error {
	if f.beside == nil {
		return fn()
	}
	return f.beside.alone(ctx, doing, fn)
}

// aloneIf is alone; without wait it does nothing when somebody else writes.
func (b *beside) aloneIf(ctx context.Context, doing string, wait bool, fn func() error) (ran bool, err error) {
	if b.f.readOnly {
		return false, fmt.Errorf("%s %s: %w", doing, b.f.dir, errReadOnly)
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	release, err := holdIn(b.f.dir, func(root *os.Root) (func() error, error) {
		if !wait {
			return b.lock.Try(root, filelock.Exclusive)
		}
		return b.lock.Hold(ctx, root, filelock.Exclusive)
	})
	switch {
	case errors.Is(err, filelock.ErrHeld):
		return false, nil
	case err != nil && ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		return false, b.f.explain(doing, err)
	}
	defer func() { err = withUndone(err, release()) }()
	if err := b.recover(ctx); err != nil {
		return false, err
	}
	return true, fn()
}

// holdIn takes a lock in the store's directory.
func holdIn(dir string, take func(*os.Root) (func() error, error)) (release func() error, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	release, err = take(root)
	return release, withUndone(err, root.Close())
}

// lockPause is how long a reader waits before it looks again.
const lockPause = 2 * time.Millisecond

// settledWithin is how long a reader waits for a write of another process to be whole.
const settledWithin = 10 * time.Second

// settled returns when what was committed can be read: a unit of work that another
// process is just bringing to the files is waited for, and one that was left undone is
// done. A load that is being published is seen as far as it is.
func (b *beside) settled(ctx context.Context) error {
	limit := time.Now().Add(settledWithin)
	for {
		kind, err := b.undone(ctx)
		if kind == "" || err != nil {
			return err
		}
		if !b.f.readOnly {
			_, err := b.aloneIf(ctx, "finish a write in", kind != kindPublish, func() error { return nil })
			return err
		}
		if kind == kindPublish {
			return nil
		}
		if time.Now().After(limit) {
			return fmt.Errorf("read store %s: a write was cut: open the store once for writing, which finishes it: %w", b.f.dir, storage.ErrUnavailable)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// undone returns the kind of what was committed and is not in the files yet, "" for
// nothing.
func (b *beside) undone(ctx context.Context) (kind string, err error) {
	ctx, stop := b.f.reading(ctx)
	defer stop()
	err = b.f.reads.QueryRowContext(ctx, `SELECT kind FROM specstar_pending WHERE kind <> 'intent' LIMIT 1`).Scan(&kind)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case code(err) == lib.SQLITE_ERROR: // there is no such table in what nobody has written to
		return "", nil
	}
	return kind, b.f.explain("read", cause(ctx, err))
}

// Unfinished reports whether a store with metas and revisions outside holds a write
// that was committed and then cut, which opening it for writing finishes.
func Unfinished(ctx context.Context, dir string) (cut bool, err error) {
	f := &Factory{dir: dir, path: filepath.Join(dir, ledgerName)}
	f.ended, f.end = context.WithCancel(context.Background())
	defer f.end()
	if !exists(f.path) {
		return false, nil
	}
	if f.reads, err = openReads(f.path, nil); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.reads.Close()) }()
	kind, err := (&beside{f: f}).undone(ctx)
	if kind == "" || err != nil {
		return false, err
	}
	release, err := holdIn(dir, func(root *os.Root) (func() error, error) {
		return filelock.Existing(lockName).Try(root, filelock.Exclusive)
	})
	if err != nil {
		if errors.Is(err, filelock.ErrHeld) { // its owner finishes it
			err = nil
		}
		return false, err
	}
	return true, release()
}
