package main

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// backfillFlags are the options of a backfill.
type backfillFlags struct {
	kind string
	goingFlags
}

func (f *backfillFlags) register(flags *pflag.FlagSet) {
	f.goingFlags.register(flags)
	flags.StringVar(&f.kind, "kind", jobs.RevisionMeta, "`KIND` of fields to fill: revision_meta or indexed_data")
}

func (f *backfillFlags) check() error {
	if f.kind != jobs.RevisionMeta && f.kind != jobs.IndexedData {
		return usage("--kind %q is not supported by this version; use %s or %s", f.kind, jobs.RevisionMeta, jobs.IndexedData)
	}
	return f.goingFlags.check()
}

func (a *app) backfillCommand() *cobra.Command {
	var f backfillFlags
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "backfill [MODEL…]",
		Short: "Fill derived fields of rows that lack them, and wait",
		Long: `backfill submits a backfill job and waits for it; without a model it fills all.
Of kind revision_meta, the default, it fills the rev_* fields of rows that lack
them; of kind indexed_data the values of fields that were declared as indexed
after the rows had been written. Rows whose current revision is nowhere are
counted as missing and stay as they are. It may be repeated, and interrupted.

Others may write meanwhile: a row is only replaced while it is the one that was
read. Of one kind one backfill of the same models runs at a time; another one is
refused (job_exists) with the id of the one that is there. A dry run may always
run.`,
		Example: `  worker backfill
  worker backfill person --dry-run
  worker backfill person --rate 2000
  worker backfill person --kind indexed_data --models models.yaml
  worker backfill person sales-order -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), o.check()); err != nil {
				return err
			}
			return a.backfill(cmd.Context(), f, args, &o)
		},
	}
	f.register(cmd.Flags())
	o.registerLane(cmd.Flags())
	return cmd
}

// newBackfill returns the job that fills the models.
func (a *app) newBackfill(f backfillFlags, models []string) jobs.Envelope {
	e := jobs.NewBackfill(a.global.rights.userName(), models...)
	e.Args = jobs.Backfill{What: f.kind, Models: models, Going: f.going()}
	e.RulesOff = a.global.rulesOff()
	return e
}

func (a *app) backfill(ctx context.Context, f backfillFlags, models []string, o *jobOptions) error {
	e := a.newBackfill(f, models)
	if err := o.apply(&e); err != nil {
		return err
	}
	result := jobs.BackfillOutcome{Models: map[string]manager.BackfillStats{}}
	err := a.withSession(ctx, sessionOptions{command: "backfill", consume: true}, func(ctx context.Context, s *session) error {
		board := a.board()
		defer board.Wait()
		row, err := s.complete(ctx, e, "backfill", "rows", board, &result)
		if err != nil {
			return err
		}
		_, err = s.followCaused(ctx, row, e.RulesOff, board)
		return err
	})
	if err != nil {
		return err
	}
	return a.printBackfill(result)
}

func (a *app) printBackfill(r jobs.BackfillOutcome) error {
	if a.format != render.Table && a.format != render.IDs {
		return render.Document(a.stdout, a.format, r)
	}
	list := render.NewList(a.stdout, a.format, "MODEL", "UPDATED", "MISSING", "UNCHANGED")
	for _, name := range sortedKeys(r.Models) {
		s := r.Models[name]
		if err := list.Add(render.Row{ID: name, Cells: []string{name, number(s.Updated), number(s.Missing), number(s.Unchanged)}}); err != nil {
			return err
		}
		for _, id := range s.MissingIDs {
			a.note("%s %s: its current revision is nowhere", name, id)
		}
		if more := s.Missing - int64(len(s.MissingIDs)); more > 0 {
			a.note("%s: %d more whose current revision is nowhere", name, more)
		}
	}
	a.noteDryRun(r.DryRun)
	return list.Close()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
