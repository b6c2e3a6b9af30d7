package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
)

func (a *app) submitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "submit",
		Short: "Submit a job and return at once",
		Long: `submit puts a job into the queue and returns. When no worker runs, the job waits
for the next one: worker run.

With --delay or --at the job begins later, though at most a second late; with
--expires it is dead when it was not started until then. --unique refuses it while
a job that does the same has not ended: the error has code job_exists and the id of
that job.`,
		Example: `  worker submit load dump.acbak --on-duplicate skip
  worker submit save person --from changes.ndjson
  worker submit backfill --at 2026-03-01T02:00:00Z --rate 5000
  worker submit load dump.acbak --lane high --timeout 1h --attempts 3
  worker submit migrate person
  worker submit dump --to s3://dumps/monday.acbak`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("submit what? use submit load, save, backfill, migrate, dump or verify")
		},
	}
	cmd.AddCommand(a.submitLoadCommand(), a.submitSaveCommand(), a.submitBackfillCommand(), a.submitMigrateCommand(),
		a.submitDumpCommand(), a.submitVerifyCommand())
	return cmd
}

func (a *app) submitLoadCommand() *cobra.Command {
	var f loadFlags
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "load ARCHIVE",
		Short: "Submit a load and return at once",
		Long: `load submits a load job. A load of the same archive with the same options that has
not ended is continued, and its id printed; with --unique that is an error instead.
A file is put into the data directory, or beside the queue of a server that --nats
names; s3://BUCKET/KEY and file:PATH are read where they are, by workers that may:
see --sources of worker run.`,
		Example: `  worker submit load dump.acbak --on-duplicate skip
  worker submit load s3://dumps/monday.acbak --nats nats://127.0.0.1:4222
  worker submit load file:/mnt/dumps/monday.acbak
  worker submit load dump.acbak --delay 10m --unique`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), o.check()); err != nil {
				return err
			}
			l := a.newLoad(args[0], a.stdin, &f, &o)
			return a.submitWith(cmd.Context(), sessionOptions{sources: namedSources(args[0])}, func(ctx context.Context, s *session) ([]string, error) {
				r, err := l.submit(ctx, s)
				return []string{r.Text}, err
			}, a.printJobID)
		},
	}
	f.register(cmd.Flags())
	o.register(cmd.Flags())
	return cmd
}

func (a *app) submitBackfillCommand() *cobra.Command {
	var f backfillFlags
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "backfill [MODEL…]",
		Short: "Submit a backfill and return at once",
		Long: `submit backfill leaves the backfill to the workers. While one of the same kind and
models has not ended it is refused (job_exists), with the id of that one.`,
		Example: `  worker submit backfill person
  worker submit backfill --kind indexed_data --rate 5000
  worker submit backfill --delay 1h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), o.check()); err != nil {
				return err
			}
			return a.submitOne(cmd.Context(), a.newBackfill(f, args), &o)
		},
	}
	f.register(cmd.Flags())
	o.register(cmd.Flags())
	return cmd
}

// submitOne submits a job with options and prints its id.
func (a *app) submitOne(ctx context.Context, e jobs.Envelope, o *jobOptions) error {
	if err := o.apply(&e); err != nil {
		return err
	}
	return a.submit(ctx, func(ctx context.Context, s *session) ([]string, error) {
		receipts, err := s.send(ctx, e)
		if err != nil {
			return nil, err
		}
		return []string{receipts[0].Text}, nil
	}, a.printJobID)
}

func (a *app) submitSaveCommand() *cobra.Command {
	var f saveFlags
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "save MODEL --from FILE|-",
		Short: "Submit saves and return at once",
		Example: `  worker submit save person --from changes.ndjson
  worker submit save person --from tonight.ndjson --at 2026-03-01T02:00:00Z --on-error fail`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), o.check()); err != nil {
				return err
			}
			return a.submitSave(cmd.Context(), args[0], &f, &o)
		},
	}
	f.register(cmd.Flags())
	o.register(cmd.Flags())
	return cmd
}

// submit puts jobs into the queue and prints their ids.
func (a *app) submit(ctx context.Context, send func(context.Context, *session) ([]string, error), print func([]string) error) error {
	return a.submitWith(ctx, sessionOptions{}, send, print)
}

func (a *app) submitWith(ctx context.Context, o sessionOptions, send func(context.Context, *session) ([]string, error), print func([]string) error) error {
	var ids []string
	o.command = commandSubmit
	err := a.withSession(ctx, o, func(ctx context.Context, s *session) (err error) {
		ids, err = send(ctx, s)
		return err
	})
	if err != nil {
		return err
	}
	return print(ids)
}

func (a *app) printJobID(ids []string) error {
	if a.format == render.Table || a.format == render.IDs {
		_, err := fmt.Fprintln(a.stdout, ids[0])
		return err
	}
	return render.Document(a.stdout, a.format, struct {
		JobID string `json:"job_id"`
	}{ids[0]})
}

func (a *app) printJobIDs(ids []string) error {
	if a.format == render.Table || a.format == render.IDs {
		for _, id := range ids {
			if _, err := fmt.Fprintln(a.stdout, id); err != nil {
				return err
			}
		}
		return nil
	}
	if ids == nil {
		ids = []string{}
	}
	return render.Document(a.stdout, a.format, struct {
		JobIDs []string `json:"job_ids"`
	}{ids})
}
