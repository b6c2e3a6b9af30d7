package chaos

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Layout says where a store keeps revisions and blobs; metas and jobs are in
// PostgreSQL.
type Layout string

// The layouts.
const (
	Postgres       Layout = "postgres"         // revisions in PostgreSQL
	PostgresS3     Layout = "postgres s3"      // revisions and blobs in a bucket
	PostgresDisk   Layout = "postgres disk"    // revisions in a directory
	PostgresDiskS3 Layout = "postgres disk s3" // revisions in a directory, blobs in a bucket
)

func (l Layout) objects() bool { return l == PostgresS3 || l == PostgresDiskS3 }
func (l Layout) disk() bool    { return l == PostgresDisk || l == PostgresDiskS3 }

// exact reports whether the numbers of revisions have no gaps: where revisions are
// beside the database a writer that dies may burn one.
func (l Layout) exact() bool { return !l.objects() && !l.disk() }

// Config says what a run is like. Zero values mean the defaults.
type Config struct {
	// Seed decides about the workload and the nemeses.
	Seed uint64
	// Duration is how long the workload runs; what follows comes on top.
	Duration time.Duration
	// Layout of the store; empty means [Postgres].
	Layout Layout
	// Workers is how many worker processes there are, Nodes how many nats-servers.
	Workers, Nodes int
	// Clients save Rate times a second together, on so many Resources.
	Clients, Rate, Resources int
	// LoadEvery is the pause between two archives that are loaded; negative: none.
	LoadEvery time.Duration
	// LoadSizes are how many resources archives have, by turns.
	LoadSizes []int
	// Chunk is how many resources a chunk of a load has; archives of more than a hundred
	// are loaded in chunks.
	Chunk int
	// DoomEvery is the pause between two jobs that cannot be done; negative: none.
	DoomEvery time.Duration
	// Nemeses are the names of those that come, by turns in random order; nil means
	// every one that the stand has what it needs for. An empty list means none.
	Nemeses []string
	// Calm is the longest pause between two nemeses.
	Calm time.Duration
	// Settle bounds the recovery from one nemesis, and the time that the queue has to
	// run dry in the end.
	Settle time.Duration
	// AckWait is that of the consumers of jobs.
	AckWait time.Duration
	// Lease is that of long jobs; 0 leaves it to the program.
	Lease time.Duration
	// Worker and Server are the programs to run, see [Build] and [BuildServer]. Points is
	// that of [BuildPoints]; empty: no worker is told where to kill itself.
	Worker, Server, Points string
	// Clock is the program of [BuildClock]; empty: no worker's clock jumps.
	Clock string
	// Old is the program of an earlier version, see [BuildOld], which makes the store and
	// runs all workers at first; empty: there is none.
	Old string
	// Dir is where history, logs and reports are left; it must be there.
	Dir string

	// script, when not nil, comes instead of the nemeses, and the workload ends with it.
	script func(context.Context, *Stand, *scene) error
}

// scene is what a script may use besides the stand.
type scene struct {
	history *Recorder
	tracker *tracker
}

func (c Config) withDefaults() Config {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	wait := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	if c.Layout == "" {
		c.Layout = Postgres
	}
	set(&c.Workers, 2)
	set(&c.Nodes, 1)
	set(&c.Clients, 8)
	set(&c.Rate, 100)
	set(&c.Resources, 200)
	set(&c.Chunk, 100)
	wait(&c.Duration, 30*time.Second)
	wait(&c.LoadEvery, 5*time.Second)
	wait(&c.DoomEvery, 700*time.Millisecond)
	wait(&c.Calm, 2*time.Second)
	wait(&c.Settle, 2*time.Minute)
	wait(&c.AckWait, 2*time.Second)
	if c.Old != "" { // it knows letters without names
		c.DoomEvery = -1
	}
	if len(c.LoadSizes) == 0 {
		c.LoadSizes = []int{50, 300}
	}
	return c
}

func (c Config) check() error {
	if !slices.Contains([]Layout{Postgres, PostgresS3, PostgresDisk, PostgresDiskS3}, c.Layout) {
		return fmt.Errorf("there is no layout %q", c.Layout)
	}
	for _, name := range c.Nemeses {
		if _, ok := nemesisNamed(name); !ok {
			return fmt.Errorf("there is no nemesis %q", name)
		}
	}
	return nil
}
