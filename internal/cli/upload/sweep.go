package upload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/specstar-worker/worker/storage"
)

// Sweep removes the uploads whose jobs have ended. An upload without a job in the
// ledger stays: its job may be about to be submitted, or belong to another store
// that shares the directory.
func Sweep(ctx context.Context, dir string, ledger storage.Ledger) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list uploads: %w", err)
	}
	for _, e := range entries {
		job, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok {
			continue
		}
		row, err := ledger.Find(ctx, job)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !row.State.Final() {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for job %s: %w", job, err)
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove upload: %w", err)
		}
	}
	return nil
}
