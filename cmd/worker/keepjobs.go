package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/jobs"
)

// retention are the flags of how long the ledger remembers jobs and what was done to
// them.
type retention struct{ keep, trail time.Duration }

func (r *retention) register(flags *pflag.FlagSet) {
	flags.DurationVar(&r.keep, "keep-jobs", jobs.DefaultKeep,
		"`DURATION` for which done, refused and cancelled jobs are remembered, so that one submitted again has no second effect; 0: for ever")
	flags.DurationVar(&r.trail, "keep-audit", jobs.DefaultKeepTrail, "`DURATION` for which it is remembered who retried, cancelled and dropped jobs; 0: for ever")
}

func (r *retention) check() error {
	if r.keep != 0 && r.keep < jobs.MinKeep {
		return usage("--keep-jobs %s: it must be 0, for ever, or at least %s", r.keep, jobs.MinKeep)
	}
	if r.trail < 0 {
		return usage("--keep-audit %s: it must be 0, for ever, or more", r.trail)
	}
	return nil
}

// orForEver is how a [jobs.Pruner] is told to keep something for ever.
func orForEver(keep time.Duration) time.Duration {
	if keep == 0 {
		return -1
	}
	return keep
}

// pruneJobs removes the rows of jobs, and entries of the audit trail, of long ago, until ctx ends.
func (w *worker) pruneJobs(ctx context.Context) {
	s := w.session
	p := &jobs.Pruner{Ledger: s.store.Ledger(), Queue: s.publisher, Keep: orForEver(s.options.kept.keep), KeepTrail: orForEver(s.options.kept.trail), Report: func(n int64, err error) {
		if err != nil {
			s.app.log.Warn("could not remove the rows of old jobs", zap.Error(err))
		} else if n > 0 {
			s.app.log.Info("removed the rows of old jobs", zap.Int64("jobs", n))
		}
	}}
	p.Run(ctx)
}
