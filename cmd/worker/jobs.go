package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/jobfilter"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// jobFilter are the flags that select jobs.
type jobFilter struct{ jobfilter.Filter }

func (f *jobFilter) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.States, jobfilter.State, nil, "only jobs that are `STATE`: queued, running, done, refused, dead, cancelled")
	flags.StringVar(&f.Kind, jobfilter.Kind, "", "only jobs of `KIND`: save, load, backfill, migrate")
	flags.StringVar(&f.Model, jobfilter.Model, "", "only saves of model `M`")
	flags.StringVar(&f.Code, jobfilter.Code, "", "only jobs with error `CODE`")
	flags.StringVar(&f.Parent, jobfilter.Parent, "", "only jobs that job `ID` caused")
	flags.StringVar(&f.Since, jobfilter.Since, "", "only jobs that ended, or were made when they have not, at `TIME` or later: RFC 3339, or a duration before now as 24h")
	flags.StringVar(&f.Until, jobfilter.Until, "", "only those before `TIME`")
	flags.StringVar(&f.After, jobfilter.After, "", "only jobs that come after job `ID` in the list, the last one of the page before")
	flags.IntVar(&f.Limit, jobfilter.Limit, 0, "at most `N` jobs (0: all)")
}

// check says what is wrong with the flags, as far as no store has to be asked.
func (f *jobFilter) check() error {
	_, err := f.Check()
	return wrongFlag(err)
}

// in returns the filter for a ledger.
func (f *jobFilter) in(ctx context.Context, l storage.Ledger) (storage.JobFilter, error) {
	out, err := f.Parse(ctx, l)
	return out, wrongFlag(err)
}

// wrongFlag names the flag whose value is wrong.
func wrongFlag(err error) error {
	if bad, is := errors.AsType[*jobfilter.ValueError](err); is {
		return usage("--%s", bad.Error())
	}
	return err
}

func (a *app) jobsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "Look at jobs, retry, cancel and drop them",
		Example: `  worker jobs list --state dead
  worker jobs show ID -o json
  worker jobs retry --all --state dead`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage("jobs what? use jobs list, show, watch, fetch, retry, cancel, drop or audit")
		},
	}
	cmd.AddCommand(a.jobsListCommand(), a.jobsShowCommand(), a.jobsWatchCommand(), a.jobsFetchCommand(),
		a.jobsRetryCommand(), a.jobsCancelCommand(), a.jobsDropCommand(), a.jobsAuditCommand())
	return cmd
}

func (a *app) jobsListCommand() *cobra.Command {
	var f jobFilter
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List jobs, newest first",
		Example: `  worker jobs list --state queued --state running -o json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.listJobs(cmd.Context(), &f)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (a *app) listJobs(ctx context.Context, f *jobFilter) (err error) {
	s, err := a.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	filter, err := f.in(ctx, s.Ledger())
	if err != nil {
		return err
	}
	running, err := jobs.RunningOf(ctx, s.Ledger(), filter, time.Now())
	if err != nil {
		return err
	}
	list := render.NewList(a.stdout, a.format, "JOB", "KIND", "MODEL", "STATE", "ATTEMPT", "PROGRESS", "CREATED", "ERROR")
	for j, err := range s.Ledger().List(ctx, filter) {
		if err != nil {
			return complete(list, fmt.Errorf("list jobs: %w", err))
		}
		if err := list.Add(viewRow(running.View(j))); err != nil {
			return err
		}
	}
	return list.Close()
}

// jobRow is a job as the ledger's row has it.
func jobRow(j storage.Job) render.Row { return viewRow(jobs.ViewOf(j)) }

func viewRow(v jobs.View) render.Row {
	created, why := "", ""
	if !v.Created.IsZero() {
		created = stamp(v.Created)
	}
	if v.Error != nil {
		why = v.Error.Code
	}
	return render.Row{ID: v.JobID, Value: v, Cells: []string{
		v.JobID, v.Kind, v.Model, string(v.State), number(int64(v.Attempt)), progressCell(v), created, why,
	}}
}

// progressCell says in few words how far a job is.
func progressCell(v jobs.View) string {
	p := v.Progress
	switch {
	case !v.NotBefore.IsZero():
		return "from " + stamp(v.NotBefore)
	case p.Chunks != nil && p.Stage == jobs.StageChunks:
		return fmt.Sprintf("%d/%d (chunks %d/%d)", p.Done, p.Total, p.Chunks.Done, p.Chunks.Total)
	case p.Stage != "" && p.Total > 0:
		return fmt.Sprintf("%d/%d (%s)", p.Done, p.Total, p.Stage)
	case p.Stage != "":
		return string(p.Stage)
	case p.Total > 0:
		return fmt.Sprintf("%d/%d", p.Done, p.Total)
	}
	return ""
}

// findJob returns a job by its id, or an error that names it.
func (a *app) findJob(ctx context.Context, s *store, id string) (storage.Job, error) {
	j, err := jobfilter.Find(ctx, s.Ledger(), id)
	if errors.Is(err, storage.ErrNotFound) {
		return j, &failure{
			Exit: exitError, Code: codeNotFound, JobID: id,
			Message: fmt.Sprintf("store %s has no job %s; a save appears when a worker takes it", a.global.storeName(), id),
		}
	}
	if err != nil {
		return j, fmt.Errorf("look for job %s: %w", id, err)
	}
	return j, nil
}

// printJob prints a job, and in a table below it those that it caused.
func (a *app) printJob(t jobs.Tree) error {
	if a.format != render.Table && a.format != render.IDs {
		return render.Document(a.stdout, a.format, t)
	}
	if a.format == render.IDs {
		_, err := fmt.Fprintln(a.stdout, t.JobID)
		return err
	}
	list := render.NewList(a.stdout, a.format, "JOB", "KIND", "MODEL", "STATE", "ATTEMPT", "PROGRESS", "CREATED", "ERROR")
	if err := addTree(list, t); err != nil {
		return err
	}
	if err := list.Close(); err != nil {
		return err
	}
	if t.Error != nil && t.Error.Message != "" {
		if _, err := fmt.Fprintf(a.stdout, "\n%s\n", render.Printable(t.Error.Message)); err != nil {
			return err
		}
	}
	if len(t.Outcome) > 0 {
		_, err := fmt.Fprintf(a.stdout, "\n%s\n", t.Outcome)
		return err
	}
	return nil
}

// addTree adds a job to a list, and behind it those that it caused.
func addTree(list *render.List, t jobs.Tree) error {
	if err := list.Add(viewRow(t.View)); err != nil {
		return err
	}
	for _, c := range t.Caused {
		if err := addTree(list, c); err != nil {
			return err
		}
	}
	return nil
}
