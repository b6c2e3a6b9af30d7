package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/internal/cli/settings"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/preset"
)

// writeFlag makes the process write to the store at a place until it is killed.
const writeFlag = "write-until-killed"

// checkOptions are the flags of check.
type checkOptions struct {
	only    []string
	timeout time.Duration
	write   string
}

func (a *app) checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check that the kind of store keeps its promises where yours lives",
		Long: `check runs the conformance checks of stores on a new, empty store of the kind
and with the settings of --store, and tells for each guarantee what was found:
also that what was committed survives when the writing process is killed.

It works in a place of its own, which it names and removes at the end. On disk
that is a directory on the file system of the store: beside its directory, or in
DIR/.worker when that is a mount point or nothing can be made beside it. In
PostgreSQL it is a schema, so the role needs the right CREATE on the database;
in S3 a prefix below that of the objects. The data of the store is neither read
nor changed, and a worker may run on it meanwhile. Whether the data itself is
sound is what verify tells.

The exit code is 3 when a promise is broken.`,
		Example: `  worker check
  worker check --store sqlite:/mnt/nfs/data -o json
  worker check --store postgres:///app --objects s3://bucket/app
  worker check --only G1,G3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.write != "" {
				return check.WriteUntilKilled(cmd.Context(), a.opener(), o.write, a.stdout)
			}
			return a.check(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.only, "only", nil, "check only these `GUARANTEES`: G1,G3 (default all)")
	f.DurationVar(&o.timeout, "timeout", check.Timeout, "`TIME` that one check may take")
	f.StringVar(&o.write, writeFlag, "", "`PLACE` to write to (for the process that is killed)")
	_ = f.MarkHidden(writeFlag) // it is there
	return cmd
}

// opener returns how stores like --store are opened at a place.
func (a *app) opener() check.Open {
	return func(ctx context.Context, place string) (storage.Factory, error) {
		p, err := a.global.place()
		if err != nil {
			return nil, err
		}
		p, o := checkedPlace(p, a.global.options(), place)
		return p.Open(ctx, o)
	}
}

func (a *app) check(ctx context.Context, o checkOptions) (err error) {
	selected, err := selection(o.only)
	if err != nil {
		return err
	}
	if o.timeout <= 0 {
		return usage("--timeout %v: a check needs some time", o.timeout)
	}
	place, err := a.global.place()
	if err != nil {
		return err
	}
	site, err := newCheckSite(ctx, place)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, site.remove(context.WithoutCancel(ctx))) }()
	run := check.Options{Dir: site.dir, Timeout: o.timeout, Select: selected}
	if place.Kind != preset.InMemory {
		run.Writer = a.writer()
	}
	a.note("checking a store like %s %s; what is in %[1]s is not touched", a.global.storeName(), site.where)
	return a.runChecks(ctx, a.opener(), run)
}

// runChecks runs the checks with progress and prints what they found.
func (a *app) runChecks(ctx context.Context, open check.Open, o check.Options) error {
	board := a.board()
	task := board.Start("check", "checks", 0)
	o.Progress = func(done, total int, _ check.Check) { task.Update(int64(done), int64(total)) }
	began := time.Now()
	report, err := check.Run(ctx, open, o)
	endChecks(task, report, err)
	board.Wait()
	if ctx.Err() != nil {
		return &failure{Exit: exitError, Code: codeInterrupted, Message: fmt.Sprintf("interrupted after %d checks", len(report.Results))}
	}
	if err != nil {
		return err
	}
	return a.printReport(report, time.Since(began))
}

func endChecks(task *progress.Task, report check.Report, err error) {
	switch {
	case err != nil:
		task.End("stopped")
	case report.OK():
		task.End("ok")
	default:
		task.End("promises are broken")
	}
}

// writer returns how the process is started that is killed while it writes; nil
// when this program is not the worker.
func (a *app) writer() func(place string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil || filepath.Base(exe) != "worker" {
		return nil
	}
	return func(place string) *exec.Cmd {
		cmd := exec.Command(exe, "check", "--"+writeFlag, place)
		// Not by flags: those are for all to see, and the URL may hold a password.
		cmd.Env = os.Environ()
		for flag, value := range map[string]string{
			"store": a.global.store, "objects": a.global.objects, "revisions": a.global.revisions,
			"table-prefix": a.global.tablePrefix, "encoding": a.global.encoding,
		} {
			cmd.Env = append(cmd.Env, settings.EnvName(flag)+"="+value)
		}
		return cmd
	}
}

// selection understands --only.
func selection(only []string) (func(check.Check) bool, error) {
	if len(only) == 0 {
		return nil, nil
	}
	all := check.Guarantees()
	last := all[len(all)-1]
	var numbers []int
	for _, name := range only {
		i := slices.IndexFunc(all, func(g check.Guarantee) bool {
			return strings.EqualFold(strings.TrimSpace(name), fmt.Sprintf("G%d", g.Number))
		})
		if i < 0 {
			return nil, usage("--only %s: there is no such guarantee; they are G1 to G%d", name, last.Number)
		}
		numbers = append(numbers, all[i].Number)
	}
	return func(c check.Check) bool { return slices.Contains(numbers, c.Guarantee()) }, nil
}
