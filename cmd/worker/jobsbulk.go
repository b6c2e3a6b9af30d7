package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// bulkPage is how many jobs are looked at, and printed, at a time.
const bulkPage = 2000

// bulk is a command on one job, on several or on those that filters select.
type bulk struct {
	all, yes, dryRun bool
	filter           jobFilter

	verb storage.Verb
	// fits reports whether a job that filters select is concerned.
	fits func(storage.JobState) bool
	// prepare, unless nil, is called before a page of jobs is changed.
	prepare func(context.Context, *session, []storage.Job) error
	// change changes one job and returns it as it then is.
	change func(context.Context, *session, jobs.Operator, storage.Job) (storage.Job, error)
}

func (b *bulk) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&b.all, "all", false, "all jobs that the filters select, instead of IDs")
	flags.BoolVar(&b.yes, "yes", false, "do not ask on a terminal")
	flags.BoolVar(&b.dryRun, "dry-run", false, "only list the jobs that would be changed")
	b.filter.register(flags)
}

// check checks that either ids or --all is given, and the filter.
func (b *bulk) check(args []string) error {
	switch {
	case b.all && len(args) > 0:
		return usage("give IDs or --all, not both")
	case !b.all && len(args) == 0:
		return usage("give job IDs, or --all with filters")
	}
	return b.filter.check()
}

// refusedJob is a job that could not be changed, as users see it.
type refusedJob struct {
	jobs.View
	Refused jobs.ErrorView `json:"refused"`
}

// bulkRun is one run of a command on many jobs.
type bulkRun struct {
	*bulk
	app     *app
	filter  storage.JobFilter
	list    *render.List
	changed int64
	refused int64
	total   int64
}

// run does a command. The look before the session makes nothing when there is no such
// job.
func (a *app) runBulk(ctx context.Context, b *bulk, args []string) error {
	if err := b.check(args); err != nil {
		return err
	}
	r := &bulkRun{bulk: b, app: a}
	r.list = render.NewList(a.stdout, a.format, "JOB", "KIND", "MODEL", "STATE", "ATTEMPT", "PROGRESS", "CREATED", "ERROR")
	named, err := r.look(ctx, args)
	if err != nil {
		return err
	}
	if b.dryRun || r.total == 0 {
		return r.list.Close()
	}
	if err := r.confirm(); err != nil {
		return err
	}
	o := sessionOptions{command: "jobs " + string(b.verb)}
	if err := a.withSession(ctx, o, func(ctx context.Context, s *session) error { return r.do(ctx, s, named) }); err != nil {
		return err
	}
	if err := r.list.Close(); err != nil {
		return err
	}
	switch {
	case r.refused > 0 && r.changed == 0:
		return exit(exitError)
	case r.refused > 0:
		return exit(exitPartly)
	}
	return nil
}

// look finds the jobs that are named, and counts those that the filter selects; a dry
// run lists them.
func (r *bulkRun) look(ctx context.Context, args []string) (named []storage.Job, err error) {
	s, err := r.app.openReader(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if r.filter, err = r.bulk.filter.in(ctx, s.Ledger()); err != nil {
		return nil, err
	}
	for _, id := range args {
		j, err := r.app.findJob(ctx, s, id)
		if err != nil {
			return nil, err
		}
		named = append(named, j)
	}
	each := func(j storage.Job) error {
		if r.total++; r.dryRun {
			return r.list.Add(jobRow(j))
		}
		return nil
	}
	for _, j := range named {
		if err := each(j); err != nil {
			return nil, err
		}
	}
	if !r.all {
		return named, nil
	}
	return nil, r.pages(ctx, s.Ledger(), func(page []storage.Job) error {
		for _, j := range page {
			if err := each(j); err != nil {
				return err
			}
		}
		return nil
	})
}

// pages calls do with the selected jobs that are concerned, without their messages. A
// job that do changes or removes makes no difference for those that follow.
func (r *bulkRun) pages(ctx context.Context, l storage.Ledger, do func([]storage.Job) error) error {
	f, left := r.filter, r.filter.Limit
	f.Bare, f.Limit = true, bulkPage
	for n := bulkPage; n == bulkPage; {
		n = 0
		var page []storage.Job
		for j, err := range l.List(ctx, f) {
			if err != nil {
				return fmt.Errorf("list jobs: %w", err)
			}
			f.After = storage.JobCursor{Created: j.Created, ID: j.ID}
			if n++; r.fits(j.State) {
				page = append(page, j)
			}
		}
		if r.filter.Limit > 0 {
			page = page[:min(left, len(page))]
			left -= len(page)
		}
		if err := do(page); err != nil {
			return err
		}
		if r.filter.Limit > 0 && left == 0 {
			return nil
		}
	}
	return nil
}

// confirm asks before more than one job is changed, where somebody can answer.
func (r *bulkRun) confirm() error {
	if r.yes || !r.all || !isTerminal(r.app.stdin) || !isTerminal(r.app.stderr) {
		return nil
	}
	return r.ask()
}

func (r *bulkRun) ask() error {
	if _, err := fmt.Fprintf(r.app.stderr, "%s %d jobs? [y/N] ", r.verb, r.total); err != nil {
		return err
	}
	answer, _ := bufio.NewReader(r.app.stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &failure{Exit: exitError, Code: "declined", Message: "nothing was changed; --yes does not ask"}
}

// do changes the jobs. After the loss of the queue's owner it is called again: what was
// changed then is in another state or gone.
func (r *bulkRun) do(ctx context.Context, s *session, named []storage.Job) error {
	o := jobs.Operator{Ledger: s.store.Ledger(), Publisher: s.publisher, Letters: s.letters, Contents: jobs.BlobContents{Blobs: s.store.blobs}}
	o.By, o.Via = r.app.operator("jobs " + string(r.verb))
	if !r.all {
		return r.some(ctx, s, o, named[r.changed+r.refused:])
	}
	board := r.app.board()
	task := board.Start(string(r.verb), "jobs", r.total)
	err := r.pages(ctx, s.store.Ledger(), func(page []storage.Job) error {
		err := r.some(ctx, s, o, page)
		task.Update(r.changed+r.refused, max(r.total, r.changed+r.refused))
		return err
	})
	result := "done"
	if err != nil {
		result = "stopped"
	}
	task.End(result)
	board.Wait()
	return err
}

// some changes jobs and prints what became of each. One that refuses is no reason to
// stop, unless it is the only one.
func (r *bulkRun) some(ctx context.Context, s *session, o jobs.Operator, page []storage.Job) error {
	if len(page) == 0 {
		return nil
	}
	if r.prepare != nil {
		if err := r.prepare(ctx, s, page); err != nil {
			return err
		}
	}
	for _, j := range page {
		row, err := r.change(ctx, s, o, j)
		if errors.Is(err, storage.ErrNotFound) && r.all {
			continue // somebody else dropped it
		}
		if err == nil {
			r.changed++
			if err := r.list.Add(jobRow(row)); err != nil {
				return err
			}
			continue
		}
		if err := r.refuse(j, row, err); err != nil {
			return err
		}
	}
	return nil
}

// refuse prints a job that could not be changed, or returns why the command ends.
func (r *bulkRun) refuse(j, row storage.Job, err error) error {
	said := jobError(j.Text, row, err)
	f, explained := errors.AsType[*failure](said)
	if !explained || !r.all && r.total == 1 {
		return said
	}
	r.refused++
	r.app.note("%s", render.Printable(f.Message))
	shown := jobRow(j)
	shown.Value = refusedJob{View: jobs.ViewOf(j), Refused: jobs.ErrorView{Code: f.Code, Message: f.Message}}
	shown.Cells[len(shown.Cells)-1] = f.Code
	return r.list.Add(shown)
}
