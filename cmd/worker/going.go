package main

import (
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/jobs"
)

// goingFlags are how a backfill or migration goes about it.
type goingFlags struct {
	rate   int
	dryRun bool
}

func (f *goingFlags) register(flags *pflag.FlagSet) {
	flags.IntVar(&f.rate, "rate", 0, "look at no more than `ROWS` a second; one worker does the job then (default: no bound, but rests while the store is slow)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "count what would be done, write nothing")
}

func (f *goingFlags) check() error {
	if f.rate < 0 || f.rate > jobs.MaxRate {
		return usage("--rate %d: it must be between 1 and %d rows a second", f.rate, jobs.MaxRate)
	}
	return nil
}

func (f *goingFlags) going() jobs.Going { return jobs.Going{Rate: f.rate, DryRun: f.dryRun} }

// noteDryRun says that the counts above are of what was not done.
func (a *app) noteDryRun(dry bool) {
	if dry {
		a.note("a dry run: nothing was written")
	}
}
