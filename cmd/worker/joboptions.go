package main

import (
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/jobs"
)

// jobOptions are the flags of how a job is treated.
type jobOptions struct {
	lane        string
	delay       time.Duration
	at, expires string
	timeout     time.Duration
	attempts    int
	unique      bool
	uniqueKey   string
}

// registerLane registers the one option that commands which wait have, too.
func (o *jobOptions) registerLane(flags *pflag.FlagSet) {
	flags.StringVar(&o.lane, "lane", "", "`LANE` of the job: high, normal or bulk; lanes do not wait for each other (default normal for saves, else bulk)")
}

func (o *jobOptions) register(flags *pflag.FlagSet) {
	o.registerLane(flags)
	flags.DurationVar(&o.delay, "delay", 0, "begin no sooner than after `DURATION`, such as 10m")
	flags.StringVar(&o.at, "at", "", "begin no sooner than at `TIME`, as in RFC 3339: 2026-03-01T22:00:00+01:00")
	flags.StringVar(&o.expires, "expires", "", "a job not started until `WHEN` is dead (expired): a time, or a duration from now or from when it may begin")
	flags.DurationVar(&o.timeout, "timeout", 0, "end an attempt that takes longer than `DURATION`; it counts and is tried again (default: the worker's limits)")
	flags.IntVar(&o.attempts, "attempts", 0, "the job is dead after `N` failed attempts (default: the worker's number, 8)")
	flags.BoolVar(&o.unique, "unique", false, "refuse the job (job_exists) while one that does the same has not ended")
	flags.StringVar(&o.uniqueKey, "unique-key", "", "refuse the job (job_exists) while one with this `KEY` has not ended")
}

func (o *jobOptions) check() error {
	switch {
	case o.lane != "" && !slices.Contains(jobs.Lanes(), jobs.Lane(o.lane)):
		return usage("--lane %q is not known; use high, normal or bulk", o.lane)
	case o.delay < 0:
		return usage("--delay %s: it cannot be negative", o.delay)
	case o.delay > 0 && o.at != "":
		return usage("--delay and --at both say when to begin; use one of them")
	case o.timeout < 0 || o.timeout > jobs.MaxJobTimeout:
		return usage("--timeout %s: it must be between 1s and %s", o.timeout, jobs.MaxJobTimeout)
	case o.attempts < 0 || o.attempts > jobs.MaxJobAttempts:
		return usage("--attempts %d: it must be between 1 and %d", o.attempts, jobs.MaxJobAttempts)
	case o.unique && o.uniqueKey != "":
		return usage("--unique and --unique-key both give a key; use one of them")
	}
	_, err := o.options(time.Now())
	return err
}

// options returns what the flags say, but for the key of --unique, which depends on the
// job.
func (o *jobOptions) options(now time.Time) (jobs.Options, error) {
	out := jobs.Options{Timeout: o.timeout, Attempts: o.attempts, Unique: o.uniqueKey}
	now = now.UTC().Truncate(time.Microsecond)
	if o.delay > 0 {
		out.NotBefore = now.Add(o.delay)
	}
	if o.at != "" {
		at, err := time.Parse(time.RFC3339, o.at)
		if err != nil {
			return out, usage("--at %q is not a time as in RFC 3339, such as 2026-03-01T22:00:00+01:00", o.at)
		}
		out.NotBefore = at.UTC().Truncate(time.Microsecond)
	}
	if o.expires == "" {
		return out, nil
	}
	from := now
	if out.NotBefore.After(from) {
		from = out.NotBefore
	}
	if d, err := time.ParseDuration(o.expires); err == nil && d > 0 {
		out.Expires = from.Add(d)
		return out, nil
	}
	at, err := time.Parse(time.RFC3339, o.expires)
	if err != nil {
		return out, usage("--expires %q is neither a duration, such as 2h, nor a time as in RFC 3339", o.expires)
	}
	if out.Expires = at.UTC().Truncate(time.Microsecond); out.Expires.Before(from) {
		return out, usage("--expires %s comes before the job may begin", o.expires)
	}
	return out, nil
}

// apply puts the options into a job. It is called once for each: times count from then.
func (o *jobOptions) apply(e *jobs.Envelope) error {
	options, err := o.options(time.Now())
	if err != nil {
		return err
	}
	e.Options = options
	if o.lane != "" {
		e.Lane = jobs.Lane(o.lane)
	}
	if e.Unique == "" && (o.unique || e.NotBefore.IsZero()) {
		e.Unique = workKey(e.Args)
	}
	if o.unique && e.Unique == "" {
		e.Unique, err = e.UniqueKey()
	}
	return err
}

// workKey returns the key that backfills and migrations have unless another one was
// asked for: of two with one key, the second is of no use. One that is for later has it
// on request only, since it would keep those of until then away.
func workKey(args jobs.Args) string {
	switch a := args.(type) {
	case jobs.Backfill:
		return a.Key()
	case jobs.Migrate:
		return a.Key()
	}
	return ""
}
