package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) jobsDropCommand() *cobra.Command {
	b := bulk{verb: storage.VerbDrop, fits: storage.JobState.Final, prepare: removeMessages, change: dropJob}
	cmd := &cobra.Command{
		Use:   "drop [ID...]",
		Short: "Forget jobs that have ended",
		Long: `drop removes the rows of jobs that have ended, their dead letters, the archives of
loads and of dumps to be downloaded, the contents of messages over 256 KiB and what the queue still holds of them. The audit trail keeps that they were
dropped, and by whom.`,
		Example: `  worker jobs drop ID
  worker jobs drop --all --state dead --until 720h
  worker jobs drop --all --state dead --model person --dry-run -o ids`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runBulk(cmd.Context(), &b, args) },
	}
	b.register(cmd)
	return cmd
}

// removeMessages takes jobs that have ended off the queue: a message without a row is a
// new job.
func removeMessages(ctx context.Context, s *session, page []storage.Job) error {
	ended, subjects := map[string]bool{}, []string{}
	for _, j := range page {
		if !j.State.Final() {
			continue
		}
		if ended[j.Text] = true; j.Subject != "" && !slices.Contains(subjects, j.Subject) {
			subjects = append(subjects, j.Subject)
		}
	}
	for _, subject := range subjects {
		n, err := s.publisher.Waiting(ctx, subject)
		if err == nil && n > 0 { // otherwise there is nothing to look through
			err = s.publisher.Remove(ctx, []string{subject}, ended)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func dropJob(ctx context.Context, s *session, o jobs.Operator, j storage.Job) (storage.Job, error) {
	row, err := o.Drop(ctx, j.ID)
	if dumped := jobs.DumpedTo(j); err == nil && dumped.Object != "" {
		err = s.downloads.Remove(ctx, dumped.Object)
	}
	if err == nil && j.Kind == string(jobs.KindLoad) {
		err = upload.Remove(s.uploads, j.Text)
		if err == nil && s.app.global.nats != "" {
			err = s.objects.Remove(ctx, upload.Name(j.Text))
		}
	}
	return row, err
}
