package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// loadFlags are the options of a load.
type loadFlags struct {
	onDuplicate   string
	models, allow []string
}

func (f *loadFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.onDuplicate, "on-duplicate", "raise_error", "`WAY` to treat resources that exist: raise_error, skip, overwrite or newer")
	flags.StringSliceVar(&f.models, "model", nil, "load only model `M`; repeat for more")
	flags.StringSliceVar(&f.allow, "allow", nil, "tolerate `WHAT`: missing_revision, unknown_model")
}

func (f *loadFlags) check() error {
	if _, err := manager.ParseOnDuplicate(f.onDuplicate); err != nil {
		return usage("--on-duplicate: %w", err)
	}
	for _, a := range f.allow {
		if !slices.Contains([]string{"missing_revision", "unknown_model"}, a) {
			return usage("--allow %q is not known; use missing_revision or unknown_model", a)
		}
	}
	return nil
}

// options are the flags as the manager takes them; they are checked.
func (f *loadFlags) options() manager.LoadOptions {
	return manager.LoadOptions{
		OnDuplicate: manager.OnDuplicate(f.onDuplicate), Models: f.models,
		AllowMissingRevision: slices.Contains(f.allow, "missing_revision"),
		AllowUnknownModel:    slices.Contains(f.allow, "unknown_model"),
	}
}

func (a *app) loadCommand() *cobra.Command {
	var f loadFlags
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "load ARCHIVE",
		Short: "Load an archive and wait until it is in the store",
		Long: `load submits a load job and waits for it and for the jobs it causes. The archive
(plain, gzip or zstd; - is standard input) is checked whole before the first
write. It is put into the data directory, or beside the queue of a server that
--nats names. s3://BUCKET/KEY and file:PATH stay where they are and are read there by
the worker that does the job, which must be allowed to by --sources. With --on-duplicate raise_error, the default, nothing of it is visible
until all of it is, and nothing ever when a resource exists already.

When no worker owns the data directory, this command does the work itself. It may
be killed at any time: the same command again continues the load, and so does a
worker or any other load. The same archive with the same options is never loaded
by two jobs at once.`,
		Example: `  worker load dump.acbak
  worker load dump.acbak.gz --on-duplicate skip --store sqlite:./copy
  worker load s3://dumps/monday.acbak --on-duplicate overwrite
  worker load dump.acbak --model person --allow missing_revision -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), o.check()); err != nil {
				return err
			}
			return a.load(cmd.Context(), args[0], &f, &o)
		},
	}
	f.register(cmd.Flags())
	o.registerLane(cmd.Flags())
	return cmd
}

// loadResult is what a load prints.
type loadResult struct {
	JobID  string                       `json:"job_id"`
	State  storage.JobState             `json:"state"`
	Models map[string]manager.LoadStats `json:"models"`
	Caused []jobs.View                  `json:"caused,omitempty"`
}

func (a *app) load(ctx context.Context, path string, f *loadFlags, o *jobOptions) error {
	l := a.newLoad(path, a.stdin, f, o)
	var result loadResult
	err := a.withSession(ctx, sessionOptions{command: "load", consume: true, recall: jobs.KindLoad, sources: namedSources(path)}, func(ctx context.Context, s *session) error {
		receipt, err := l.submit(ctx, s)
		if err != nil {
			return err
		}
		board := a.board()
		defer board.Wait()
		row, err := s.followWork(ctx, receipt.ID, "load", "resources", board)
		if err != nil {
			return err
		}
		if err := l.forget(ctx, s); err != nil {
			return err
		}
		caused, err := s.followCaused(ctx, row, l.rulesOff, board)
		if err != nil {
			return err
		}
		result, err = newLoadResult(row, caused)
		return err
	})
	if err != nil {
		return err
	}
	return a.printLoad(result)
}

func newLoadResult(row storage.Job, caused []storage.Job) (loadResult, error) {
	r := loadResult{JobID: row.Text, State: row.State}
	if row.State != storage.JobDone {
		return r, jobFailure(row)
	}
	if err := json.Unmarshal(row.Outcome, &r); err != nil {
		return r, fmt.Errorf("read the outcome of job %s: %w", row.Text, err)
	}
	for _, c := range caused {
		r.Caused = append(r.Caused, jobs.ViewOf(c))
	}
	return r, nil
}

func (a *app) printLoad(r loadResult) error {
	if a.format != render.Table && a.format != render.IDs {
		if err := render.Document(a.stdout, a.format, r); err != nil {
			return err
		}
		return r.exit()
	}
	list := render.NewList(a.stdout, a.format, "MODEL", "LOADED", "SKIPPED", "TOTAL", "REVISIONS", "BLOBS")
	for _, name := range sortedKeys(r.Models) {
		s := r.Models[name]
		if err := list.Add(render.Row{ID: name, Cells: []string{
			name, number(s.Loaded), number(s.Skipped), number(s.Total), number(s.Revisions), number(s.Blobs),
		}}); err != nil {
			return err
		}
	}
	if err := list.Close(); err != nil {
		return err
	}
	for _, c := range r.Caused {
		a.note("%s job %s: %s", c.Kind, c.JobID, c.State)
	}
	return r.exit()
}

// exit tells by the exit code when a job that the load caused did not do its work.
func (r loadResult) exit() error {
	for _, c := range r.Caused {
		if c.State != storage.JobDone {
			return exit(exitPartly)
		}
	}
	return nil
}

// jobFailure is what the user is told of a job that ended otherwise than done.
func jobFailure(row storage.Job) error {
	v := jobs.ViewOf(row)
	f := &failure{
		Exit: exitError, Code: string(row.State), JobID: v.JobID, Model: row.Model,
		Message: fmt.Sprintf("%s job %s is %s", row.Kind, v.JobID, row.State),
	}
	if v.Error != nil {
		f.Code, f.Offset = cmp.Or(v.Error.Code, f.Code), v.Error.Offset
		if v.Error.Message != "" {
			f.Message += ": " + v.Error.Message
		}
	}
	var why manager.LoadRefusal
	if row.Kind == string(jobs.KindLoad) && json.Unmarshal(row.Outcome, &why) == nil {
		f.Model = cmp.Or(f.Model, why.Model)
		if why.ResourceID != "" {
			f.IDs = []resource.ID{why.ResourceID}
		}
	}
	return f
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
