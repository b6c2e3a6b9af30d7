package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/jobs"
)

// retention is the flag of how long the ledger remembers jobs.
type retention struct{ keep time.Duration }

func (r *retention) register(flags *pflag.FlagSet) {
	flags.DurationVar(&r.keep, "keep-jobs", jobs.DefaultKeep,
		"`DURATION` for which done, refused and cancelled jobs are remembered, so that one submitted again has no second effect; 0: for ever")
}

func (r *retention) check() error {
	if r.keep != 0 && r.keep < jobs.MinKeep {
		return usage("--keep-jobs %s: it must be 0, for ever, or at least %s", r.keep, jobs.MinKeep)
	}
	return nil
}

// pruneJobs removes the rows of jobs that ended long ago, until ctx ends.
func (w *worker) pruneJobs(ctx context.Context) {
	s := w.session
	p := &jobs.Pruner{Ledger: s.store.Ledger(), Queue: s.publisher, Keep: s.options.keepJobs, Report: func(n int64, err error) {
		if err != nil {
			s.app.log.Warn("could not remove the rows of old jobs", zap.Error(err))
		} else if n > 0 {
			s.app.log.Info("removed the rows of old jobs", zap.Int64("jobs", n))
		}
	}}
	p.Run(ctx)
}
