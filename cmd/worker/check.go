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
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/sqlite"
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

It works in a directory of its own, which it names and removes at the end, on
the file system of the store: beside its directory, or in DIR/.worker when that
is a mount point or nothing can be made beside it. The data of the store is
neither read nor changed, and a worker may run on it meanwhile. Whether the data
itself is sound is what verify tells.

The exit code is 3 when a promise is broken.`,
		Example: `  worker check
  worker check --store sqlite:/mnt/nfs/data -o json
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
		if url, err := parseStore(a.global.store); err != nil || url.memory {
			return memory.New(), err
		}
		return sqlite.Open(ctx, sqlite.Config{
			Dir: place, TablePrefix: a.global.tablePrefix, Encoding: resource.Encoding(a.global.encoding),
		})
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
	url, err := parseStore(a.global.store)
	if err != nil {
		return err
	}
	run := check.Options{Timeout: o.timeout, Select: selected}
	where := "in memory"
	if !url.memory {
		dir, remove, err := checkPlace(url.dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, remove()) }()
		run.Dir, run.Writer, where = dir, a.writer(), "in "+dir
	}
	a.note("checking a store like %s %s; what is in %s is not touched", a.global.store, where, a.global.store)
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
		args := []string{"check", "--store", a.global.store, "--" + writeFlag, place}
		if a.global.tablePrefix != "" {
			args = append(args, "--table-prefix", a.global.tablePrefix)
		}
		if a.global.encoding != "" {
			args = append(args, "--encoding", a.global.encoding)
		}
		return exec.Command(exe, args...)
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
