package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/jobs"
)

// limits are the settings of how much may wait, and of what happens then.
type limits struct {
	unfinished int64
	busyWait   time.Duration
}

func (l *limits) register(f *pflag.FlagSet) {
	f.Int64Var(&l.unfinished, "max-unfinished", jobs.DefaultMaxUnfinished,
		"take no job that has its row first while `N` jobs in the ledger have not ended (busy)")
	f.DurationVar(&l.busyWait, "busy-wait", 0,
		"`DURATION` until the next try when the queue or the ledger is full; commands that wait for room try so often, submit tells it as retry_after (default: 2s for the queue, 5s for the ledger)")
}

func (l *limits) check() error {
	switch {
	case l.unfinished < 1:
		return usage("--max-unfinished %d: it must be at least 1", l.unfinished)
	case l.busyWait < 0:
		return usage("--busy-wait %s: it cannot be negative", l.busyWait)
	}
	return nil
}

// of returns the submitter with these limits.
func (l *limits) of(s *jobs.QueueSubmitter) *jobs.QueueSubmitter {
	return s.WithLimit(l.unfinished).WithRetryAfter(l.busyWait)
}
