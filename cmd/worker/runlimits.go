package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
)

// runLimits are limits of jobs in a worker. Zero values mean the defaults.
type runLimits struct {
	// stall is how long a long job may go on without a sign of progress.
	stall time.Duration
	// lease is how long a job belongs to a worker that gives no sign of life.
	lease time.Duration
	// divideAbove is how many resources a load, backfill or migration has at most that one worker does.
	divideAbove int64
	// chunkRows is how many resources a chunk has at most.
	chunkRows int64
	// slots is how many long jobs, or chunks, of a lane run at the same time.
	slots int
}

func (l *runLimits) register(flags *pflag.FlagSet) {
	flags.DurationVar(&l.stall, "stall-timeout", jobs.DefaultStallTimeout,
		"`DURATION` after which a load, backfill or migration without a sign of progress is ended, counted and tried again")
	flags.DurationVar(&l.lease, "lease", jobs.DefaultLease,
		"`DURATION` after which the jobs of a worker that gives no sign of life go to others; of a queue that exists, what it was made with counts")
	flags.Int64Var(&l.divideAbove, "divide-above", 10_000, "loads, backfills and migrations of more than `N` resources are done in chunks by all workers")
	flags.IntVar(&l.slots, "slots", consumer.DefaultSlots,
		"`N` long jobs of a lane and kind run at the same time, or chunks of them: more for a database that is far away, each needs a connection of its own")
	flags.Int64Var(&l.chunkRows, "chunk", 1000, "a chunk has at most `N` resources: fewer cost more for each, more are lost with a worker that dies")
}

// maxSlots is what the connections of one process are enough for.
const maxSlots = 64

// budget is what all loops of a process may do at the same time: that of one lane and
// kind, a long job beside them and saves.
func (l *runLimits) budget() *consumer.Budget {
	if l.slots <= consumer.DefaultSlots {
		return consumer.NewBudget(0, 0)
	}
	return consumer.NewBudget(max(2*runtime.GOMAXPROCS(0), l.slots+2), 0)
}

// minLease leaves room for a beat that is late.
const minLease = 3 * time.Second

func (l *runLimits) check() error {
	switch {
	case l.stall <= 0:
		return usage("--stall-timeout %s: it must be more than 0", l.stall)
	case l.lease < minLease:
		return usage("--lease %s: it must be at least %s", l.lease, minLease)
	case l.slots < 1 || l.slots > maxSlots:
		return usage("--slots %d: it must be 1 to %d", l.slots, maxSlots)
	case l.chunkRows < 1:
		return usage("--chunk %d: it must be at least 1", l.chunkRows)
	case l.divideAbove < 1:
		return usage("--divide-above %d: it must be at least 1", l.divideAbove)
	}
	return nil
}

// workerName names this process among others: who reads what a chunk was done by can
// find it.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}
