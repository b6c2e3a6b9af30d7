package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) jobsCancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID",
		Short: "End a job that is queued, or ask a running one to stop",
		Long: `cancel ends a queued job at once. A running load, backfill, migration, dump or
verification stops soon and
leaves nothing half done.`,
		Example: `  worker jobs cancel ID`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cancelJob(cmd.Context(), args[0])
		},
	}
}

func (a *app) cancelJob(ctx context.Context, id string) (err error) {
	s, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	j, err := a.findJob(ctx, s, id)
	if err != nil {
		return err
	}
	o := jobs.Operator{Ledger: s.Ledger()}
	o.By, o.Via = a.operator("jobs cancel")
	row, err := o.Cancel(ctx, j.ID)
	if err != nil {
		return jobError(id, row, err)
	}
	return a.printJob(jobs.Tree{View: jobs.ViewOf(row)})
}

// jobError says why a job could not be changed.
func jobError(id string, j storage.Job, err error) error {
	code, refused := jobs.RefusalCode(err)
	f, explained := errors.AsType[*failure](err)
	switch {
	case explained:
		return f
	case code == "final":
		return &failure{Exit: exitError, Code: code, JobID: id, Message: fmt.Sprintf("job %s has already ended: %s", id, j.State)}
	case code == "not_ended":
		return &failure{Exit: exitError, Code: "not_final", JobID: id, Message: fmt.Sprintf("job %s is %s; cancel it first", id, j.State)}
	case refused:
		return &failure{Exit: exitError, Code: code, JobID: id, Message: err.Error()}
	}
	return fmt.Errorf("job %s: %w", id, err)
}
