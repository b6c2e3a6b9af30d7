package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/jobs"
)

// consumes is which jobs a worker takes of a queue that it shares; all when nothing is
// named.
type consumes struct{ lanes, kinds []string }

func (c *consumes) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&c.lanes, "lanes", nil, "take only jobs of these `LANES`: high, normal, bulk; with --nats")
	flags.StringSliceVar(&c.kinds, "kinds", nil, "take only jobs of these `KINDS`, such as chunk; with --nats")
}

// check refuses names that do not exist. server is the queue that --nats names.
func (c *consumes) check(server string) error {
	if server == "" && len(c.lanes)+len(c.kinds) > 0 {
		return usage("--lanes and --kinds: they share a queue out among workers; without --nats nobody else would do the other jobs")
	}
	if bad := unknown(c.lanes, jobs.Lanes()); bad != "" {
		return usage("--lanes %s: it is not one of %s", bad, joined(jobs.Lanes()))
	}
	if bad := unknown(c.kinds, jobs.Kinds()); bad != "" {
		return usage("--kinds %s: it is not one of %s", bad, joined(jobs.Kinds()))
	}
	return nil
}

// unknown returns the first name that is not known, empty for none.
func unknown[T ~string](names []string, known []T) string {
	for _, n := range names {
		if !slices.Contains(known, T(n)) {
			return n
		}
	}
	return ""
}

func joined[T ~string](names []T) string { return strings.Join(named[string](names), ", ") }

// named converts names; nil stays nil.
func named[To, From ~string](names []From) []To {
	var all []To
	for _, n := range names {
		all = append(all, To(n))
	}
	return all
}
