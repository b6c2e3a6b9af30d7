package upload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// temporaries begin the names of files that are uploads in the making.
var temporaries = []string{".stdin-", ".copy-", "archive-"}

// abandonedAfter is from which age such a file was left by a process that died.
const abandonedAfter = 24 * time.Hour

// KeptFor is how long the upload of a job that ended without being done is kept,
// so that the job can be tried again.
const KeptFor = 24 * time.Hour

// Sweep removes the uploads of jobs that are done, those of jobs that ended
// otherwise after [KeptFor], and what processes that died left of theirs. An
// upload without a job in the ledger stays: its job may be about to be submitted,
// or belong to another store that shares the directory.
func Sweep(ctx context.Context, dir string, ledger storage.Ledger) error {
	return eachUnneeded(ctx, dir, ledger, func(e fs.DirEntry) error { return remove(dir, e.Name()) })
}

// Unneeded counts what [Sweep] would remove.
func Unneeded(ctx context.Context, dir string, ledger storage.Ledger) (t storage.Tally, err error) {
	err = eachUnneeded(ctx, dir, ledger, func(e fs.DirEntry) error {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look at upload: %w", err)
		}
		t.Count++
		t.Bytes += info.Size()
		return nil
	})
	return t, err
}

// eachUnneeded calls do with every file that [Sweep] removes.
func eachUnneeded(ctx context.Context, dir string, ledger storage.Ledger, do func(fs.DirEntry) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list uploads: %w", err)
	}
	for _, e := range entries {
		drop := abandoned(e)
		if job, ok := strings.CutSuffix(e.Name(), suffix); ok && !drop {
			row, err := ledger.Find(ctx, job)
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return fmt.Errorf("look for job %s: %w", job, err)
			}
			drop = err == nil && spent(row)
		}
		if !drop {
			continue
		}
		if err := do(e); err != nil {
			return err
		}
	}
	return nil
}

// spent reports whether nobody reads the upload of a job any more.
func spent(row storage.Job) bool {
	return row.State == storage.JobDone || row.State.Final() && time.Since(row.Finished) > KeptFor
}

// Remove removes the upload of a job, which need not be there.
func Remove(dir, job string) error { return remove(dir, Name(job)) }

func remove(dir, name string) error {
	err := os.Remove(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove upload: %w", err)
	}
	return nil
}

// abandoned reports whether e was left by a process that died.
func abandoned(e fs.DirEntry) bool {
	begins := func(prefix string) bool { return strings.HasPrefix(e.Name(), prefix) }
	if !slices.ContainsFunc(temporaries, begins) {
		return false
	}
	info, err := e.Info()
	return err == nil && time.Since(info.ModTime()) > abandonedAfter
}
