package main

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/targets"
	"github.com/specstar-worker/worker/jobs"
)

// submitDumpFlags are the options of a dump that a worker does.
type submitDumpFlags struct {
	condition
	to     string
	models []string
}

func (a *app) submitDumpCommand() *cobra.Command {
	var f submitDumpFlags
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "dump",
		Short: "Submit a dump and return at once",
		Long: `dump has a worker write an archive of all models, or of those named, as they are at
one moment; of one model, those resources that --where or --query select. The bytes
are those of worker dump. The archive is there when it is complete, or not at all.

Without --to it is put beside the queue: worker jobs fetch ID --out FILE gets it
until the row of the job goes. file:PATH and s3://BUCKET/KEY are written by workers
that may, see --targets of worker run; what is there is replaced.`,
		Example: `  worker submit dump
  worker submit dump --to s3://dumps/monday.acbak --model person --model document
  worker submit dump --to file:/mnt/dumps/monday.acbak --at 2026-03-02T02:00:00Z --unique
  worker submit dump --model person --where "data.age >= 18"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := f.job(a.stdin)
			if err = errors.Join(err, o.check()); err != nil {
				return err
			}
			return a.submitOne(cmd.Context(), jobs.NewDump(a.global.rights.userName(), d), &o)
		},
	}
	cmd.Flags().StringVar(&f.to, "to", jobs.TargetDownload, "`TARGET`: download:, file:PATH or s3://BUCKET/KEY[?endpoint=URL&region=R&path_style=true]")
	cmd.Flags().StringSliceVar(&f.models, "model", nil, "dump only model `M`; repeat for more")
	f.condition.register(cmd.Flags())
	o.register(cmd.Flags())
	return completed(cmd)
}

// job turns the flags into what a worker understands.
func (f *submitDumpFlags) job(stdin io.Reader) (d jobs.Dump, err error) {
	d.Models = f.models
	if d.Target, err = targets.Name(f.to); err != nil {
		return d, usage("--to %w", err)
	}
	if !f.given() {
		return d, nil
	}
	if len(f.models) != 1 {
		return d, usage("--query and --where need exactly one --model")
	}
	q, err := f.parse(stdin)
	if err != nil {
		return d, err
	}
	if d.Query, err = json.Marshal(q); err != nil {
		return d, usage("this query cannot be sent to a worker: %w", err)
	}
	return d, nil
}

func (a *app) submitVerifyCommand() *cobra.Command {
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "verify [MODEL…]",
		Short: "Submit a check of the store and return at once",
		Long: `verify has a worker check the store, or the models named, as worker verify does. The
outcome of the job has what it found, the first problems one by one and the number of
all: worker jobs show ID -o json. A job that finds problems is done all the same.`,
		Example: `  worker submit verify
  worker submit verify person --at 2026-03-02T03:00:00Z --unique`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return a.submitOne(cmd.Context(), jobs.NewVerify(a.global.rights.userName(), args...), &o)
		},
	}
	o.register(cmd.Flags())
	return cmd
}
