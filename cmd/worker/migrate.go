package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// migrateFlags are the options of a migration.
type migrateFlags struct {
	history bool
	goingFlags
}

func (f *migrateFlags) register(flags *pflag.FlagSet) {
	f.goingFlags.register(flags)
	flags.BoolVar(&f.history, "history", false, "migrate every stored revision, not the current ones alone")
}

// migrateExample declares a model with migrations.
const migrateExample = `  name: cat
  schema_version: "2"
  fields:
    - {name: full_name, type: str}
    - {name: lives, type: int, default: 9}
    - {name: tags, type: "list[str]", default: []}
  migrations:
    - {from: null, to: "1", steps: [{default: {path: name, value: nobody}}]}
    - from: "1"
      to: "2"
      steps:
        - {rename: {from: name, to: full_name}}
        - {remove: colour}
        - {default: {path: lives, value: 9}}
        - {patch: [{op: add, path: /tags, value: [migrated]}]}
`

func (a *app) migrateCommand() *cobra.Command {
	var f migrateFlags
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "migrate MODEL…",
		Short: "Bring payloads to the schema version of their models, and wait",
		Long: `migrate submits a migration job and waits for it. The current revision of each
resource, deleted ones too, becomes a revision at the model's schema version; the
old bytes are kept beside it. With --history all stored revisions are migrated.
It may be repeated: what is at the version is passed over. One migration of the
same models runs at a time; another one is refused (job_exists).

Schema version and migrations come with the declaration, see worker models --help
and --models; the store remembers it. A worker that runs already must have been
started with it.

` + migrateExample + `
Steps are rename, remove, set, default (only where there is nothing) and patch
(RFC 6902 or RFC 7386); paths are dotted or JSON pointers. from: null takes
payloads without a version. A revision that cannot be migrated stays as it is
and is told; the exit code is then 4.`,
		Example: `  worker migrate cat --models cat.yaml
  worker migrate cat --models cat.yaml --dry-run
  worker migrate cat dog --history --rate 500 -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), o.check()); err != nil {
				return err
			}
			return a.migrate(cmd.Context(), f, args, &o)
		},
	}
	f.register(cmd.Flags())
	o.registerLane(cmd.Flags())
	return cmd
}

func (a *app) submitMigrateCommand() *cobra.Command {
	var f migrateFlags
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "migrate MODEL…",
		Short: "Submit a migration and return at once",
		Long:  "submit migrate leaves the migration to the next worker, by the models that it knows:\nworker run --models FILE.",
		Example: `  worker submit migrate cat
  worker submit migrate cat --delay 8h --rate 500`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), o.check()); err != nil {
				return err
			}
			return a.submitOne(cmd.Context(), a.newMigrate(f, args), &o)
		},
	}
	f.register(cmd.Flags())
	o.register(cmd.Flags())
	return cmd
}

// newMigrate returns the job that migrates the models.
func (a *app) newMigrate(f migrateFlags, models []string) jobs.Envelope {
	e := jobs.NewMigrate(a.global.rights.userName(), jobs.Migrate{Models: models, History: f.history, Going: f.going()})
	e.RulesOff = a.global.rulesOff()
	return e
}

func (a *app) migrate(ctx context.Context, f migrateFlags, models []string, o *jobOptions) error {
	e := a.newMigrate(f, models)
	if err := o.apply(&e); err != nil {
		return err
	}
	var result jobs.MigrateOutcome
	err := a.withSession(ctx, sessionOptions{command: "migrate", consume: true}, func(ctx context.Context, s *session) error {
		if s.worker == nil && a.global.models != "" {
			a.note("another worker does the job, by the models that it was started with")
		}
		board := a.board()
		defer board.Wait()
		_, err := s.complete(ctx, e, "migrate", "revisions", board, &result)
		return err
	})
	if err != nil {
		return err
	}
	return a.printMigrate(result)
}

func (a *app) printMigrate(r jobs.MigrateOutcome) error {
	var failed int64
	for _, s := range r.Models {
		failed += s.Failed
	}
	if a.format != render.Table && a.format != render.IDs {
		if err := render.Document(a.stdout, a.format, r); err != nil {
			return err
		}
	} else if err := a.listMigrate(r); err != nil {
		return err
	}
	if failed > 0 {
		return exit(exitPartly)
	}
	return nil
}

func (a *app) listMigrate(r jobs.MigrateOutcome) error {
	list := render.NewList(a.stdout, a.format, "MODEL", "MIGRATED", "UNCHANGED", "FAILED")
	for _, name := range sortedKeys(r.Models) {
		s := r.Models[name]
		if err := list.Add(render.Row{ID: name, Cells: []string{name, number(s.Migrated), number(s.Unchanged), number(s.Failed)}}); err != nil {
			return err
		}
	}
	if err := list.Close(); err != nil {
		return err
	}
	for _, name := range sortedKeys(r.Models) {
		a.tellFailures(name, r.Models[name])
	}
	a.noteDryRun(r.DryRun)
	return nil
}

// tellFailures tells what could not be migrated. It is no note: it is what the
// command has to say, also when quiet.
func (a *app) tellFailures(model string, s manager.MigrateStats) {
	for _, f := range s.Failures {
		what := fmt.Sprintf("%s %s", model, f.ResourceID)
		if f.RevisionID != "" {
			what = fmt.Sprintf("%s %s", model, f.RevisionID)
		}
		_, _ = fmt.Fprintln(a.stderr, render.Printable(fmt.Sprintf("%s: %s: %s", what, f.Code, f.Message)))
	}
	if more := s.Failed - int64(len(s.Failures)); more > 0 {
		_, _ = fmt.Fprintf(a.stderr, "%s: %d more\n", model, more)
	}
}
