package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// checkUpload refuses to try a load again whose archive is gone. With a shared
// queue it may be on another machine, where whoever runs the job looks for it.
func (s *session) checkUpload(j storage.Job) error {
	if j.Kind != string(jobs.KindLoad) || !retryable(j.State) || s.app.global.nats != "" {
		return nil
	}
	_, err := os.Stat(filepath.Join(s.uploads, upload.Name(j.Text)))
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{
			Exit: exitError, Code: upload.CodeSourceMissing, JobID: j.Text,
			Message: fmt.Sprintf("job %s stays %s: its archive is no longer in %s; submit it again: worker load ARCHIVE", j.Text, j.State, s.uploads),
		}
	}
	if err != nil {
		return fmt.Errorf("look for the archive of job %s: %w", j.Text, err)
	}
	return nil
}
