package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) jobsCancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID",
		Short: "End a job that is queued, or ask a running one to stop",
		Long: `cancel ends a queued job at once. A running load, backfill or migration stops soon and
leaves nothing half done.`,
		Example: `  worker jobs cancel ID`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeJob(cmd.Context(), args[0], func(ctx context.Context, l storage.Ledger, j storage.Job) (storage.Job, error) {
				return l.Cancel(ctx, j.ID)
			})
		},
	}
}

// changeJob changes one job in the ledger and prints it.
func (a *app) changeJob(ctx context.Context, id string, change func(context.Context, storage.Ledger, storage.Job) (storage.Job, error)) (err error) {
	s, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	j, err := a.findJob(ctx, s, id)
	if err != nil {
		return err
	}
	j, err = change(ctx, s.Ledger(), j)
	if err != nil {
		return jobError(id, j, err)
	}
	return a.printJob(j)
}

// jobError says why a job could not be changed.
func jobError(id string, j storage.Job, err error) error {
	if errors.Is(err, storage.ErrFinal) {
		return &failure{Exit: exitError, Code: "final", JobID: id, Message: fmt.Sprintf("job %s has already ended: %s", id, j.State)}
	}
	return fmt.Errorf("job %s: %w", id, err)
}

// bulk are the flags of commands on one job or many.
type bulk struct {
	all    bool
	filter jobFilter
}

func (b *bulk) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&b.all, "all", false, "all jobs that the filters select, instead of one ID")
	b.filter.register(cmd.Flags())
}

// parse checks that either one id or --all is given and returns the filter.
func (b *bulk) parse(args []string) (storage.JobFilter, error) {
	switch {
	case b.all && len(args) > 0:
		return storage.JobFilter{}, usage("give an ID or --all, not both")
	case !b.all && len(args) != 1:
		return storage.JobFilter{}, usage("give one job ID, or --all with filters")
	}
	return b.filter.parse()
}

func (a *app) jobsDropCommand() *cobra.Command {
	var b bulk
	cmd := &cobra.Command{
		Use:   "drop [ID]",
		Short: "Forget jobs that have ended",
		Example: `  worker jobs drop ID
  worker jobs drop --all --state dead`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := b.parse(args)
			if err != nil {
				return err
			}
			return a.dropJobs(cmd.Context(), args, f)
		},
	}
	b.register(cmd)
	return cmd
}

func (a *app) dropJobs(ctx context.Context, args []string, f storage.JobFilter) error {
	// The look before the session: nothing is made when there is no such job.
	some, err := a.peekJobs(ctx, args, f)
	if err != nil {
		return err
	}
	if !some {
		return a.printChanged(nil)
	}
	var dropped []storage.Job
	err = a.withSession(ctx, sessionOptions{command: "jobs drop"}, func(ctx context.Context, s *session) error {
		if len(args) > 0 && len(dropped) > 0 {
			return nil // dropped before the queue's owner went away
		}
		chosen, err := a.chooseJobs(ctx, s.store, args, f, storage.JobState.Final)
		if err != nil {
			return err
		}
		return s.drop(ctx, chosen, &dropped)
	})
	if err != nil {
		return err
	}
	return a.printChanged(dropped)
}

// chooseJobs returns the job that is named, or those that the filter selects and
// that are in a fitting state.
func (a *app) chooseJobs(ctx context.Context, s *store, args []string, f storage.JobFilter, fits func(storage.JobState) bool) ([]storage.Job, error) {
	if len(args) == 1 {
		j, err := a.findJob(ctx, s, args[0])
		return []storage.Job{j}, err
	}
	var chosen []storage.Job
	for j, err := range s.Ledger().List(ctx, f) {
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
		if fits(j.State) {
			chosen = append(chosen, j)
		}
	}
	return chosen, nil
}

// printChanged lists the jobs that a command changed.
func (a *app) printChanged(changed []storage.Job) error {
	list := render.NewList(a.stdout, a.format, "JOB", "KIND", "MODEL", "STATE", "ATTEMPT", "PROGRESS", "CREATED", "ERROR")
	for _, j := range changed {
		if err := list.Add(jobRow(j)); err != nil {
			return err
		}
	}
	return list.Close()
}

func (a *app) jobsRetryCommand() *cobra.Command {
	var b bulk
	cmd := &cobra.Command{
		Use:   "retry [ID]",
		Short: "Put refused, dead or cancelled jobs back into the queue",
		Long: `retry puts jobs that ended without being done back into the queue, with all
their attempts. Without a running worker they wait for the next one.

The archive of a load is kept for a day after the load ended otherwise than done.
One that is gone, as after worker load, which had it from you, is refused: submit
the load again.`,
		Example: `  worker jobs retry ID
  worker jobs retry --all --state dead --kind save`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := b.parse(args)
			if err != nil {
				return err
			}
			return a.retryJobs(cmd.Context(), args, f)
		},
	}
	b.register(cmd)
	return cmd
}

func (a *app) retryJobs(ctx context.Context, args []string, f storage.JobFilter) error {
	// The look before the session: nothing is made when there is no such job.
	some, err := a.peekJobs(ctx, args, f)
	if err != nil {
		return err
	}
	if !some {
		return a.printChanged(nil)
	}
	var changed []storage.Job
	done, left := map[uuid.UUID]bool{}, false
	err = a.withSession(ctx, sessionOptions{command: "jobs retry"}, func(ctx context.Context, s *session) error {
		chosen, err := a.chooseJobs(ctx, s.store, args, f, retryable)
		if err != nil {
			return err
		}
		for _, j := range chosen {
			if done[j.ID] {
				continue
			}
			if err := s.checkUpload(j); err != nil {
				if len(args) == 1 {
					return err
				}
				left = true
				a.note("%s", err)
				continue
			}
			row, err := jobs.Retry(ctx, s.store.Ledger(), s.publisher, s.letters, j.ID)
			if refused, ok := errors.AsType[*jobs.RefusedError](err); ok {
				return &failure{Exit: exitError, Code: refused.Code, JobID: j.Text, Message: refused.Error()}
			}
			if err != nil {
				return jobError(j.Text, row, err)
			}
			done[j.ID] = true
			changed = append(changed, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.printChanged(changed); err != nil {
		return err
	}
	if left {
		return exit(exitPartly)
	}
	return nil
}

func retryable(s storage.JobState) bool { return s.Final() && s != storage.JobDone }

// peekJobs reports whether there are jobs that have ended among those chosen.
func (a *app) peekJobs(ctx context.Context, args []string, f storage.JobFilter) (some bool, err error) {
	s, err := a.openExisting(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	chosen, err := a.chooseJobs(ctx, s, args, f, storage.JobState.Final)
	return len(chosen) > 0, err
}
