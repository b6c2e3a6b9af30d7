package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// checkUpload refuses to try a load again whose archive was uploaded and is gone. With a
// shared queue an upload in a directory may be on another machine, where whoever runs
// the job looks for it, as for sources that were not uploaded.
func (s *session) checkUpload(ctx context.Context, j storage.Job) error {
	if j.Kind != string(jobs.KindLoad) || !retryable(j.State) {
		return nil
	}
	there, where, err := s.hasUpload(ctx, j)
	if err != nil {
		return fmt.Errorf("look for the archive of job %s: %w", j.Text, err)
	}
	if there {
		return nil
	}
	return &failure{
		Exit: exitError, Code: jobs.CodeSourceNotFound, JobID: j.Text,
		Message: fmt.Sprintf("job %s stays %s: its archive is no longer %s; submit it again: worker load ARCHIVE", j.Text, j.State, where),
	}
}

// hasUpload reports whether the upload of a job, if it has one here, is there.
func (s *session) hasUpload(ctx context.Context, j storage.Job) (there bool, where string, err error) {
	scheme := jobs.SourceUpload
	if e, err := jobs.Decode(j.Envelope); err == nil {
		if l, is := e.Args.(jobs.Load); is {
			scheme, _, _ = jobs.SplitSource(l.Source) // it was decoded
		}
	}
	switch {
	case scheme == jobs.SourceObject:
		there, err = s.objects.Exists(ctx, upload.Name(j.Text))
		return there, "beside the queue", err
	case scheme != jobs.SourceUpload || s.app.global.nats != "":
		return true, "", nil
	}
	_, err = os.Stat(filepath.Join(s.uploads, upload.Name(j.Text)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, "in " + s.uploads, nil
	}
	return err == nil, "", err
}
