package upload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// Needed reports whether an archive that was put beside the queue under a name may be
// read yet. That of a job which is not in the ledger a day later was never submitted; what
// does not have the name of an upload is somebody else's.
func Needed(ctx context.Context, ledger storage.Ledger, name string, put time.Time) (bool, error) {
	job, ours := strings.CutSuffix(name, suffix)
	if !ours {
		return true, nil
	}
	row, err := ledger.Find(ctx, job)
	if errors.Is(err, storage.ErrNotFound) {
		return time.Since(put) <= abandonedAfter, nil
	}
	if err != nil {
		return true, fmt.Errorf("look for job %s: %w", job, err)
	}
	return !spent(row), nil
}
