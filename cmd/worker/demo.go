package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/examples/goapi"
	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/internal/cli/tour"
	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) demoCommand() *cobra.Command {
	var l listen
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Take the tour: queue, store, a real data set, three kinds of jobs",
		Long: `demo starts the embedded stack and works on a real data set, the history of Go's
own API: it loads it as an archive, edits some thousand records through the
queue, and fills the rows of an old archive that lack rev_* fields. It ends with
a summary and example queries.

On a terminal it then goes on as worker run until Ctrl-C; elsewhere, or with
--once, it ends. Running it again is safe: what is there is recognised.`,
		Example: `  worker demo
  worker demo --once --store sqlite:/tmp/demo -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), l, once) },
	}
	l.register(cmd.Flags())
	cmd.Flags().BoolVar(&once, "once", false, "end after the tour, also on a terminal")
	return cmd
}

// demo is a tour and what it has done so far.
type demo struct {
	app     *app
	session *session
	board   *progress.Board
	load    *load
	archive *bytes.Reader
	report  demoReport
}

func (a *app) demo(ctx context.Context, l listen, once bool) error {
	// The tour itself starts the backfill, to show it.
	a.global.rules = "off"
	d := &demo{app: a, archive: bytes.NewReader(goapi.Archive())}
	d.load = a.newLoad(upload.Stdin, d.archive, &loadFlags{onDuplicate: "skip"}, &jobOptions{})
	a.note("The tour of specstar-worker: an embedded queue and the store %s", a.global.storeName())
	return a.withSession(ctx, sessionOptions{command: "demo", consume: true}, func(ctx context.Context, s *session) error {
		d.session = s
		if err := d.tour(ctx); err != nil {
			return err
		}
		if once || !isTerminal(a.stdout) || s.worker == nil {
			return nil
		}
		return d.stay(ctx, l)
	})
}

// tour runs three kinds of jobs and prints what came of it.
func (d *demo) tour(ctx context.Context) error {
	began := time.Now()
	d.board = d.app.board()
	d.report = demoReport{}
	for _, step := range []func(context.Context) error{d.loadArchive, d.saveEdits, d.backfill} {
		if err := step(ctx); err != nil {
			d.board.Wait()
			return err
		}
	}
	d.board.Wait()
	d.report.Seconds = time.Since(began).Seconds()
	if err := d.count(ctx); err != nil {
		return err
	}
	return d.print(ctx)
}

// loadArchive loads the data set; what is there already is skipped.
func (d *demo) loadArchive(ctx context.Context) error {
	began := time.Now()
	if _, err := d.archive.Seek(0, io.SeekStart); err != nil { // another owner may need it anew
		return err
	}
	receipt, err := d.load.submit(ctx, d.session)
	if err != nil {
		return err
	}
	row, err := d.session.followWork(ctx, receipt.ID, "load the data set", "resources", d.board)
	if err != nil {
		return err
	}
	if err := d.load.forget(ctx, d.session); err != nil {
		return err
	}
	r, err := newLoadResult(row, nil)
	if err != nil {
		return err
	}
	step := d.report.step("load", began)
	step.jobs(row)
	for _, s := range r.Models {
		d.report.Loaded += s.Loaded
		d.report.Skipped += s.Skipped
		step.items += s.Total
	}
	step.unit = "resources"
	if d.report.Skipped > 0 {
		step.remark = fmt.Sprintf("%d resources were there already and were skipped", d.report.Skipped)
	}
	return nil
}

// saveEdits sends the edits that were not done before through the queue.
func (d *demo) saveEdits(ctx context.Context) error {
	all, err := tour.NewEdits()
	if err != nil {
		return err
	}
	began := time.Now()
	step := d.report.step("save", began)
	step.unit = "edits"
	fresh := all[:0]
	for _, e := range all {
		row, err := d.session.store.Ledger().Get(ctx, jobs.ID(d.session.store.ID(), e.ID))
		switch {
		case err == nil && row.State.Final():
			d.report.AlreadyDone++
			step.jobs(row)
		case err == nil || errors.Is(err, storage.ErrNotFound):
			fresh = append(fresh, e)
		default:
			return fmt.Errorf("look for job %s: %w", e.ID, err)
		}
	}
	if d.report.AlreadyDone > 0 {
		step.remark = fmt.Sprintf("%d edits were done before and were not repeated", d.report.AlreadyDone)
	}
	step.items = int64(len(fresh))
	if err := d.send(ctx, fresh, step); err != nil {
		return err
	}
	step.took = time.Since(began)
	return nil
}

// send submits edits in small parcels, as an application would, and waits for all.
func (d *demo) send(ctx context.Context, fresh []jobs.Envelope, step *demoStep) error {
	if len(fresh) == 0 {
		return nil
	}
	const parcel = 100
	total := int64(len(fresh))
	task := d.board.Start("save edits through the queue", "edits", total)
	for from := 0; from < len(fresh); from += parcel {
		if _, err := d.session.send(ctx, fresh[from:min(from+parcel, len(fresh))]...); err != nil {
			task.End("stopped")
			return err
		}
	}
	for i, e := range fresh {
		row, err := d.session.follow(ctx, jobs.ID(d.session.store.ID(), e.ID), nil)
		if err != nil {
			task.End("stopped waiting")
			return err
		}
		step.jobs(row)
		task.Update(int64(i+1), total)
	}
	task.End("done")
	return nil
}

// backfill fills the rows that the data set left without rev_* fields.
func (d *demo) backfill(ctx context.Context) error {
	began := time.Now()
	receipts, err := d.session.send(ctx, d.app.newBackfill(backfillFlags{kind: jobs.RevisionMeta}, nil))
	if err != nil {
		return err
	}
	row, err := d.session.followWork(ctx, receipts[0].ID, "backfill rev_* fields", "rows", d.board)
	if err != nil {
		return err
	}
	if row.State != storage.JobDone {
		return jobFailure(row)
	}
	step := d.report.step("backfill", began)
	step.unit, step.items = "rows", row.Done
	step.jobs(row)
	d.report.Backfilled = step.items
	if step.items == 0 {
		step.remark = "no row lacked rev_* fields"
	}
	return nil
}

// stay goes on as a worker until ctx ends. A port that is in use is no reason to end.
func (d *demo) stay(ctx context.Context, l listen) error {
	a := d.app
	server, err := d.session.serve(ctx, l.addr)
	if taken, ok := errors.AsType[*web.ListenError](err); ok {
		a.note("no HTTP: %s", taken)
	} else if err != nil {
		return err
	}
	if server != nil {
		a.note("http://%s/jobs and /metrics answer.", server.Addr())
	}
	a.note("Consuming jobs until Ctrl-C; try the commands above in another terminal.")
	a.log.Info("started", zap.String("store", a.global.storeName()), zap.String("http", httpAddr(server)))
	return errors.Join(d.session.serveUntil(ctx), closeHTTP(ctx, server))
}
