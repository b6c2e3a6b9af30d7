package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
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
write. With --on-duplicate raise_error, the default, nothing of it is visible
until all of it is, and nothing ever when a resource exists already.

When no worker owns the data directory, this command does the work itself. It may
be killed at any time: the same command again continues the load, and so does a
worker or any other load. The same archive with the same options is never loaded
by two jobs at once.`,
		Example: `  worker load dump.acbak
  worker load dump.acbak.gz --on-duplicate skip --store sqlite:./copy
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
	l := a.newLoad(path, f, o)
	var result loadResult
	err := a.withSession(ctx, sessionOptions{command: "load", consume: true}, func(ctx context.Context, s *session) error {
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
		if err := l.forget(); err != nil {
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

// uploadScheme begins the source of a load whose archive was put into the data
// directory.
const uploadScheme = "upload:"

// load is a load on its way to a queue.
type load struct {
	app      *app
	path     string
	stdin    io.Reader
	flags    *loadFlags
	options  *jobOptions
	job      string
	rulesOff bool
	// ahead is the hash of the archive, worked out while the session is opened.
	ahead *upload.Ahead
	// put is the upload, once made, and dir where it is.
	put *upload.Upload
	dir string
	// envelope is the job, once the archive is known.
	envelope *jobs.Envelope
}

func (a *app) newLoad(path string, f *loadFlags, o *jobOptions) *load {
	l := &load{app: a, path: path, stdin: a.stdin, flags: f, options: o, job: jobs.NewID(), rulesOff: a.global.rules == "off"}
	if o.uniqueKey == "" {
		l.ahead = upload.HashAhead(path)
	}
	return l
}

// submit uploads the archive and submits the job, again when it was submitted to
// an owner that went away: the job's id stays the same, so it is done once.
func (l *load) submit(ctx context.Context, s *session) (jobs.Receipt, error) {
	if l.put == nil || l.dir != s.uploads {
		source := l.path
		if l.put != nil {
			source = filepath.Join(l.dir, l.put.Name)
		}
		up, err := upload.Put(ctx, source, l.stdin, s.uploads, l.job)
		if err != nil {
			return jobs.Receipt{}, err
		}
		l.put, l.dir = &up, s.uploads
	}
	if row, err := s.store.Ledger().Get(ctx, jobs.ID(s.store.ID(), l.job)); err == nil {
		// A former owner recorded the job; whoever consumes finds the row.
		return jobs.Receipt{ID: row.ID, Text: row.Text, Duplicate: true}, nil
	}
	if l.envelope == nil {
		e, err := l.newEnvelope()
		if err != nil {
			return jobs.Receipt{}, err
		}
		l.envelope = &e
	}
	return l.submitUnique(ctx, s)
}

// newEnvelope returns the job of the archive that was put.
func (l *load) newEnvelope() (jobs.Envelope, error) {
	args := jobs.Load{
		Source: uploadScheme + l.put.Name, Size: opt.Of(l.put.Size), Modified: l.put.Modified.UTC(),
		OnDuplicate: l.flags.onDuplicate, Models: l.flags.models, Allow: l.flags.allow,
	}
	e := jobs.NewLoad(l.app.global.rights.userName(), args)
	if err := l.options.apply(&e); err != nil {
		return e, err
	}
	e.ID, e.RulesOff = l.job, l.rulesOff
	if l.options.uniqueKey == "" {
		key, err := l.uniqueKey(args)
		if err != nil {
			return e, err
		}
		e.Unique = key
	}
	return e, nil
}

// forget removes the upload of a load that has ended.
func (l *load) forget() error {
	return upload.Remove(l.dir, l.job)
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
