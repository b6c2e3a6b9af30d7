package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/internal/owner"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/preset"
)

// gcFlags are the options of a garbage collection.
type gcFlags struct {
	delete, orphans bool
	grace           time.Duration
}

func (a *app) gcCommand() *cobra.Command {
	var f gcFlags
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Find, and with --delete remove, what nothing needs any more",
		Long: `gc looks for garbage and changes nothing, unless --delete is given:

  - blobs that no payload refers to: of no model, revision or schema version, no
    staged load and no job that is not done. Only blobs named by the hash of their
    content are garbage; those with a name of their own, such as job logs, stay.
    So go messages that were too long for the queue, when their job is gone.
  - payloads that no key leads to, which only a damaged file has
  - what is staged for loads that have ended
  - files that interrupted writes of blobs left
  - archives of loads that have ended, a day after that

A blob must have been garbage for the grace, and be older than every job that has
not ended. While a payload cannot be decoded no blob is removed. Revisions of
resources that have no meta are reported; --orphans removes them.

No other process may own a store in a directory: end worker run first. On a store
in PostgreSQL workers may go on meanwhile. The exit code is 3 when
there are payloads that cannot be decoded, or orphans that were not removed.`,
		Example: `  worker gc
  worker gc --delete --grace 168h
  worker gc --store sqlite:/var/lib/specstar -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.gc(cmd.Context(), f) },
	}
	cmd.Flags().BoolVar(&f.delete, "delete", false, "remove the garbage instead of only reporting it")
	cmd.Flags().BoolVar(&f.orphans, "orphans", false, "also remove revisions of resources that have no meta")
	cmd.Flags().DurationVar(&f.grace, "grace", manager.DefaultGrace, "`DURATION` for which a blob must have been garbage; 0 only while nothing writes to the store")
	return cmd
}

func (a *app) gc(ctx context.Context, f gcFlags) (err error) {
	if f.grace < 0 {
		return usage("--grace %s: it cannot be negative", f.grace)
	}
	place, err := a.global.place()
	if err != nil {
		return err
	}
	there, err := a.exists(ctx, place)
	if err != nil {
		return err
	}
	if !there {
		a.note("store %s is empty", a.global.storeName())
		return a.printGarbage(manager.GCReport{DryRun: !f.delete, FileIDs: []string{}, Problems: []manager.Problem{}})
	}
	g := &gcRun{app: a, flags: f}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.open(ctx, place); err != nil {
		return err
	}
	report, err := g.collect(ctx)
	if err != nil {
		return fmt.Errorf("collect garbage of %s: %w", a.global.storeName(), err)
	}
	return a.printGarbage(report)
}

// exists reports whether there is a store at a place that outlives this process.
func (a *app) exists(ctx context.Context, place preset.Place) (bool, error) {
	if place.Kind == preset.InMemory {
		return false, nil
	}
	s, err := a.openPlace(ctx, place, true)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.Close()
}

// gcRun is a garbage collection. It owns what it works on where that is a directory.
type gcRun struct {
	app   *app
	flags gcFlags
	data  string
	locks []*owner.Lock
	store *store
	queue *gcQueue // nil when there is none
}

// open takes the ownership of the store and of the data directory, and opens the
// store: for reading only, unless garbage is to be removed.
func (g *gcRun) open(ctx context.Context, place preset.Place) (err error) {
	g.data, _ = g.app.global.defaultData() // no store in memory comes here
	own := g.own
	if place.Dir == "" {
		own = g.visit
	}
	if err := own(ctx, place); err != nil {
		return err
	}
	if g.store, err = g.app.openPlace(ctx, place, !g.flags.delete); err != nil {
		return err
	}
	if g.queue == nil {
		g.queue, err = g.app.openGCQueue(g.data)
	}
	return err
}

// visit finds the queue of a store that has no directory here. Writers may be at
// work on it anywhere, and nothing they write is garbage; so a process that runs the
// queue of the data directory goes on, and is asked what waits in it.
func (g *gcRun) visit(ctx context.Context, _ preset.Place) error {
	if g.app.global.nats != "" {
		return nil
	}
	if _, err := os.Stat(owner.Dir(g.data)); errors.Is(err, fs.ErrNotExist) {
		return nil // no queue, and nothing is made for this
	}
	lock, card, err := owner.Enter(ctx, g.data, "gc", ownerWait)
	switch {
	case !g.flags.delete && isReadOnlyMedium(err):
		return nil
	case err != nil:
		return err
	case lock != nil:
		g.locks = append(g.locks, lock)
		return nil
	}
	g.queue, err = joinGCQueue(card)
	return err
}

// own takes the ownership of the directories of a store.
func (g *gcRun) own(_ context.Context, place preset.Place) error {
	for _, d := range ownedDirs(place.Dir, g.data) {
		if _, err := os.Stat(d); errors.Is(err, fs.ErrNotExist) {
			continue // nobody owns it, and nothing is made for this
		}
		lock, err := owner.Acquire(d, "gc")
		if !g.flags.delete && isReadOnlyMedium(err) {
			continue // then nobody can own it
		}
		if held, ok := errors.AsType[*owner.HeldError](err); ok {
			return &failure{Exit: exitError, Code: codeOwned, Message: held.Error() + "; garbage is collected by nobody but the owner: end that process first"}
		}
		if err != nil {
			return err
		}
		g.locks = append(g.locks, lock)
	}
	return nil
}

// ownedDirs returns the directories that an owner of the store locks.
func ownedDirs(dir, data string) []string {
	if sameDir(dir, data) {
		return []string{dir}
	}
	return []string{dir, data}
}

func isReadOnlyMedium(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// close gives everything up again, in order.
func (g *gcRun) close() error {
	var errs []error
	if g.queue != nil {
		g.queue.close()
	}
	if g.store != nil {
		errs = append(errs, g.store.Close())
	}
	for _, l := range g.locks {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

func (g *gcRun) collect(ctx context.Context) (report manager.GCReport, err error) {
	board := g.app.board()
	defer board.Wait()
	task := board.Start("gc", "payloads", 0)
	uploads := filepath.Join(owner.Dir(g.data), "uploads")
	objects, err := g.objects()
	if err != nil {
		return manager.GCReport{}, err
	}
	sources, err := g.app.sourcesOf(uploads, objects)
	if err != nil {
		return manager.GCReport{}, err
	}
	defer func() { err = errors.Join(err, sources.Close()) }()
	contents := jobs.BlobContents{Blobs: g.store.blobs}
	o := manager.GCOptions{
		Grace: g.flags.grace, DryRun: !g.flags.delete, Orphans: g.flags.orphans,
		JobReferences: func(ctx context.Context, job storage.Job, mark func([]byte)) error {
			return jobs.References(ctx, job.Envelope, sources, contents, mark)
		},
		Progress: func(n int64) { task.Update(n, 0) },
	}
	if g.flags.grace == 0 {
		o.Grace = -1 // what the library calls none
	}
	if g.queue != nil {
		o.References = func(ctx context.Context, mark func([]byte)) error {
			return g.queue.references(ctx, sources, contents, mark)
		}
	}
	report, err = g.app.catalog(g.store).CollectGarbage(ctx, o)
	if err == nil {
		report.Uploads, err = g.uploads(ctx, uploads, objects)
	}
	report.Sum()
	if err != nil {
		task.End("failed")
		return report, err
	}
	task.End("done")
	return report, nil
}

// objects returns the archives beside the queue of a server that --nats names, else nil.
func (g *gcRun) objects() (*consumer.Objects, error) {
	if g.app.global.nats == "" || g.queue == nil {
		return nil, nil
	}
	q := consumer.QueueConfig{Namespace: g.queue.namespace, Store: g.store.ID()}
	return consumer.NewObjects(consumer.NewLine(g.queue.conn, nil), q, consumer.Uploads)
}

// uploads collects the archives of loads that have ended, in the data directory and
// beside the queue.
func (g *gcRun) uploads(ctx context.Context, dir string, objects *consumer.Objects) (c manager.GCCount, err error) {
	ledger := g.store.Ledger()
	t, err := upload.Unneeded(ctx, dir, ledger)
	if err == nil && objects != nil {
		var beside storage.Tally
		beside, err = objects.Unneeded(ctx, neededBy(ctx, ledger))
		t.Count, t.Bytes = t.Count+beside.Count, t.Bytes+beside.Bytes
	}
	if err != nil {
		return c, err
	}
	c = manager.GCCount{Candidates: t.Count, Bytes: t.Bytes}
	if !g.flags.delete || t.Count == 0 {
		return c, nil
	}
	c.Removed = t.Count
	err = upload.Sweep(ctx, dir, ledger)
	if err == nil && objects != nil {
		err = objects.Sweep(ctx, neededBy(ctx, ledger))
	}
	return c, err
}
