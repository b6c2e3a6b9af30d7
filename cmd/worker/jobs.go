package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// jobFilter are the flags that select jobs.
type jobFilter struct {
	states                    []string
	kind, model, code, parent string
	since, until              string
	limit                     int
}

func (f *jobFilter) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.states, "state", nil, "only jobs that are `STATE`: queued, running, done, refused, dead, cancelled")
	flags.StringVar(&f.kind, "kind", "", "only jobs of `KIND`: save, load, backfill, migrate")
	flags.StringVar(&f.model, "model", "", "only saves of model `M`")
	flags.StringVar(&f.code, "code", "", "only jobs with error `CODE`")
	flags.StringVar(&f.parent, "parent", "", "only jobs that job `ID` caused")
	flags.StringVar(&f.since, "since", "", "only jobs that ended, or were made when they have not, at `TIME` or later: RFC 3339, or a duration before now as 24h")
	flags.StringVar(&f.until, "until", "", "only those before `TIME`")
	flags.IntVar(&f.limit, "limit", 0, "at most `N` jobs (0: all)")
}

func (f *jobFilter) parse() (storage.JobFilter, error) {
	known := []storage.JobState{storage.JobQueued, storage.JobRunning, storage.JobDone, storage.JobRefused, storage.JobDead, storage.JobCancelled}
	out := storage.JobFilter{Kind: f.kind, Model: f.model, Code: f.code, Limit: f.limit}
	var err error
	if out.Since, err = moment("since", f.since); err != nil {
		return out, err
	}
	if out.Until, err = moment("until", f.until); err != nil {
		return out, err
	}
	if f.parent != "" {
		if out.Parent, err = uuid.Parse(f.parent); err != nil {
			return out, usage("--parent %q is not a UUID: jobs name the row of the job that caused them; see parent in worker jobs list -o json", f.parent)
		}
	}
	for _, s := range f.states {
		if !slices.Contains(known, storage.JobState(s)) {
			return out, usage("--state %q is not known; use queued, running, done, refused, dead or cancelled", s)
		}
		out.States = append(out.States, storage.JobState(s))
	}
	if f.limit < 0 {
		return out, usage("--limit must not be negative")
	}
	return out, nil
}

// moment reads a time: RFC 3339, or how long ago.
func moment(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, usage("--%s %q is neither a time as 2026-01-31T08:00:00Z nor a duration as 24h", flag, s)
	}
	return t, nil
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
			return usage("jobs what? use jobs list, show, watch, retry, cancel, drop or audit")
		},
	}
	cmd.AddCommand(a.jobsListCommand(), a.jobsShowCommand(), a.jobsWatchCommand(),
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
			filter, err := f.parse()
			if err != nil {
				return err
			}
			return a.listJobs(cmd.Context(), filter)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (a *app) listJobs(ctx context.Context, f storage.JobFilter) (err error) {
	s, err := a.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	list := render.NewList(a.stdout, a.format, "JOB", "KIND", "MODEL", "STATE", "ATTEMPT", "PROGRESS", "CREATED", "ERROR")
	for j, err := range s.Ledger().List(ctx, f) {
		if err != nil {
			return fmt.Errorf("list jobs: %w", err)
		}
		if err := list.Add(jobRow(j)); err != nil {
			return err
		}
	}
	return list.Close()
}

func jobRow(j storage.Job) render.Row {
	v := jobs.ViewOf(j)
	progress, created, why := "", "", ""
	if v.Progress.Total > 0 {
		progress = fmt.Sprintf("%d/%d", v.Progress.Done, v.Progress.Total)
	}
	if !v.NotBefore.IsZero() {
		progress = "from " + stamp(v.NotBefore)
	}
	if !v.Created.IsZero() {
		created = stamp(v.Created)
	}
	if v.Error != nil {
		why = v.Error.Code
	}
	return render.Row{ID: v.JobID, Value: v, Cells: []string{
		v.JobID, v.Kind, v.Model, string(v.State), number(int64(v.Attempt)), progress, created, why,
	}}
}

// findJob returns a job by its id, or an error that names it.
func (a *app) findJob(ctx context.Context, s *store, id string) (storage.Job, error) {
	j, err := web.FindJob(ctx, s.Ledger(), id)
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

func (a *app) printJob(j storage.Job) error {
	v := jobs.ViewOf(j)
	if a.format != render.Table && a.format != render.IDs {
		return render.Document(a.stdout, a.format, v)
	}
	if a.format == render.IDs {
		_, err := fmt.Fprintln(a.stdout, v.JobID)
		return err
	}
	list := render.NewList(a.stdout, a.format, "JOB", "KIND", "MODEL", "STATE", "ATTEMPT", "PROGRESS", "CREATED", "ERROR")
	if err := list.Add(jobRow(j)); err != nil {
		return err
	}
	if err := list.Close(); err != nil {
		return err
	}
	if v.Error != nil && v.Error.Message != "" {
		if _, err := fmt.Fprintf(a.stdout, "\n%s\n", render.Printable(v.Error.Message)); err != nil {
			return err
		}
	}
	if len(v.Outcome) > 0 {
		_, err := fmt.Fprintf(a.stdout, "\n%s\n", v.Outcome)
		return err
	}
	return nil
}

func (a *app) jobsWatchCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "watch ID",
		Short:   "Show the progress of a job until it ends",
		Long:    "watch waits for a job that a worker does. The exit code is 0 only when it is done.",
		Example: `  worker jobs watch "$(worker submit load dump.acbak)"`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.watchJob(cmd.Context(), args[0]) },
	}
}

func (a *app) watchJob(ctx context.Context, id string) (err error) {
	st, err := a.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	j, err := a.findJob(ctx, st, id)
	if err != nil {
		return err
	}
	// Watching needs no queue: a session that only has the store follows the ledger.
	s := &session{app: a, store: st}
	board := a.board()
	j, err = s.followWork(ctx, j.ID, j.Kind, "done", board)
	board.Wait()
	if err != nil {
		return err
	}
	if err := a.printJob(j); err != nil {
		return err
	}
	if j.State != storage.JobDone {
		return exit(exitError)
	}
	return nil
}
