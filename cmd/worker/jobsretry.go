package main

import (
	"context"
	"sync"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) jobsRetryCommand() *cobra.Command {
	var told sync.Once
	b := bulk{verb: storage.VerbRetry, fits: retryable, change: func(ctx context.Context, s *session, o jobs.Operator, j storage.Job) (storage.Job, error) {
		row, err := retryJob(ctx, s, o, j)
		if err == nil && row.Kind == string(jobs.KindSave) {
			told.Do(func() {
				a.note("saves keep their order: one whose resource has a newer value by now ends as superseded")
			})
		}
		return row, err
	}}
	cmd := &cobra.Command{
		Use:   "retry [ID...]",
		Short: "Put refused, dead or cancelled jobs back into the queue",
		Long: `retry puts jobs that ended without being done back into the queue, with all
their attempts; dead letters go. Without a running worker they wait for the next one.
What a job refuses is listed, too, and the exit code is 4 then.

A save keeps its order: where a newer one of its resource was applied since, it
ends as done with outcome superseded. To write its value all the same, submit it
anew.

A job that had to be started until a time which is over is done all the same; the
audit trail says who wanted that.

The archive of a load is kept for a day after the load ended otherwise than done.
One that is gone, as after worker load, which had it from you, is refused: submit
the load again.`,
		Example: `  worker jobs retry ID
  worker jobs retry --all --state dead --kind save
  worker jobs retry --all --state dead --code sqlstate_22003 --since 24h --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runBulk(cmd.Context(), &b, args) },
	}
	b.register(cmd)
	return cmd
}

func retryable(s storage.JobState) bool { return s.Final() && s != storage.JobDone }

func retryJob(ctx context.Context, s *session, o jobs.Operator, j storage.Job) (storage.Job, error) {
	if err := s.checkUpload(ctx, j); err != nil {
		return j, err
	}
	return o.Retry(ctx, j.ID)
}
