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
type backfillFlags struct{ kind string }

func (f *backfillFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.kind, "kind", jobs.RevisionMeta, "`KIND` of fields to fill: revision_meta or indexed_data")
}

func (f *backfillFlags) check() error {
	if f.kind != jobs.RevisionMeta && f.kind != jobs.IndexedData {
		return usage("--kind %q is not supported by this version; use %s or %s", f.kind, jobs.RevisionMeta, jobs.IndexedData)
	}
	return nil
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
counted as missing and stay as they are. It may be repeated.`,
		Example: `  worker backfill
  worker backfill person --kind indexed_data --models models.yaml
  worker backfill person sales-order -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), o.check()); err != nil {
				return err
			}
			return a.backfill(cmd.Context(), f.kind, args, &o)
		},
	}
	f.register(cmd.Flags())
	o.registerLane(cmd.Flags())
	return cmd
}

// backfillResult is what a backfill prints.
type backfillResult struct {
	Models map[string]manager.BackfillStats `json:"models"`
}

// newBackfill returns the job that fills the models.
func (a *app) newBackfill(kind string, models []string) jobs.Envelope {
	e := jobs.NewBackfill(a.global.rights.userName(), models...)
	e.Args = jobs.Backfill{What: kind, Models: models}
	e.RulesOff = a.global.rules == "off"
	return e
}

func (a *app) backfill(ctx context.Context, kind string, models []string, o *jobOptions) error {
	e := a.newBackfill(kind, models)
	if err := o.apply(&e); err != nil {
		return err
	}
	result := backfillResult{Models: map[string]manager.BackfillStats{}}
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

func (a *app) printBackfill(r backfillResult) error {
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
	}
	return list.Close()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
