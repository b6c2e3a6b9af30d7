package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// justPut is how old an archive beside the queue must be for its job to be known.
const justPut = time.Minute

// DownloadNeeded reports whether an archive of a dump beside the queue may yet be
// fetched, or is being written: its job has not ended, or has ended with it.
func DownloadNeeded(ctx context.Context, l storage.Ledger, object string, put time.Time) (bool, error) {
	const text = 36 // of a UUID
	if time.Since(put) < justPut {
		return true, nil
	}
	if len(object) < text {
		return false, nil
	}
	job, err := uuid.Parse(object[:text])
	if err != nil {
		return false, nil
	}
	row, err := l.Get(ctx, job)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !row.State.Final() {
		return true, nil
	}
	return DumpedTo(row).Object == object, nil
}

// DumpedTo returns the outcome of a dump that is done, the zero value for any other job.
func DumpedTo(row storage.Job) (out DumpOutcome) {
	if row.Kind != string(KindDump) || row.State != storage.JobDone || json.Unmarshal(row.Outcome, &out) != nil {
		return DumpOutcome{}
	}
	return out
}
