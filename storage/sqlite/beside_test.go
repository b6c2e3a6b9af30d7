package sqlite_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/disk"
	"github.com/specstar-worker/worker/storage/sqlite"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// openBeside opens a store with metas and revisions in files of the original.
func openBeside(ctx context.Context, dir string) (storage.Factory, error) {
	revisions, err := disk.Open(ctx, disk.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	f, err := sqlite.Open(ctx, sqlite.Config{Dir: dir, Revisions: revisions})
	if err != nil {
		return nil, errors.Join(err, revisions.Close())
	}
	return f, nil
}

// inMemory puts the temporary directories of a test on a file system in memory where
// there is one: a suite that syncs files ten thousand times waits for the disk only.
func inMemory(t *testing.T) {
	t.Helper()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm")
	}
}

func TestConformanceBeside(t *testing.T) {
	inMemory(t)
	storagetest.Run(t, storagetest.Harness{Open: openBeside, Lacks: []check.Need{check.AtomicLoad}})
}

func TestFilesOfTheOriginalHaveNoIndexes(t *testing.T) {
	f, err := openBeside(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	x, err := storage.IndexesOf(f)
	if err == nil {
		_, err = x.MakeIndexes(t.Context(), "person", nil, false)
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("indexes are made: %v", err)
	}
}
