package chaos

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestChaos is a minute of chaos: three nemeses on one nats-server and one database,
// with claims that end sooner than those of the worker as it is. Long tests have all
// nemeses come over every layout, and over three nats-servers, to the worker as it is.
//
// `make chaos` makes one such run as long as it is asked to; these choose what it is:
//
//	CHAOS_SECONDS  how long the workload runs
//	CHAOS_SEED     the seed of an earlier run
//	CHAOS_LAYOUT   "postgres", "postgres s3", "postgres disk", "postgres disk s3"
//	CHAOS_NODES    nats-servers: 1 or 3
//	CHAOS_WORKERS  processes
//	CHAOS_NEMESES  names, separated by commas
//	CHAOS_DIR      where history, logs and report are left
func TestChaos(t *testing.T) {
	for _, c := range runs(t) {
		t.Run(string(c.Layout), func(t *testing.T) {
			if !long() {
				t.Parallel()
			}
			build := asItIs
			if c.Nemeses != nil && len(c.LoadSizes) == 0 {
				build = quick
			}
			c.Worker = built(t, build)
			if c.Nemeses == nil || slices.Contains(c.Nemeses, "kill a worker at a point") {
				c.Points = built(t, pointed)
			}
			if long() && c.Nemeses == nil || slices.Contains(c.Nemeses, "the clock of a worker jumps") {
				c.Clock = built(t, jumping) // compiles Go's library anew
			}
			c.Server, c.Dir = programs.server, runDir(t)
			r := run(t, c)
			if len(r.Strikes) < 3 || r.Accepted < 100 {
				t.Errorf("%d strikes and %d jobs: the test shows little", len(r.Strikes), r.Accepted)
			}
		})
	}
}

// runs returns what is to be run: what the environment asks for, or what is usual.
func runs(t *testing.T) []Config {
	t.Helper()
	seed := number(t, "CHAOS_SEED", uint64(time.Now().UnixNano()))
	one := func(l Layout, nodes, workers, seconds uint64) Config {
		return Config{
			Seed: seed, Layout: l, Nodes: int(nodes), Workers: int(workers),
			Duration: time.Duration(seconds) * time.Second, LoadEvery: 10 * time.Second, LoadSizes: sizes(l),
		}
	}
	if seconds := number(t, "CHAOS_SECONDS", 0); seconds > 0 {
		layout := Postgres
		if name := os.Getenv("CHAOS_LAYOUT"); name != "" {
			layout = Layout(name)
		}
		c := one(layout, number(t, "CHAOS_NODES", 1), number(t, "CHAOS_WORKERS", 2), seconds)
		if names := os.Getenv("CHAOS_NEMESES"); names != "" {
			c.Nemeses = strings.Split(names, ",")
		}
		return []Config{c}
	}
	if long() {
		return []Config{
			one(Postgres, 1, 3, 300), one(Postgres, 3, 3, 300),
			one(PostgresS3, 1, 2, 180), one(PostgresDisk, 1, 2, 180), one(PostgresDiskS3, 3, 2, 180),
		}
	}
	return []Config{{
		Seed: seed, Layout: Postgres, Duration: 40 * time.Second,
		Nemeses: []string{"kill a worker", "kill nats", "kill postgres"},
	}}
}

// sizes are those of archives: more than 10,000 resources are staged and published. A
// bucket takes several requests for each.
func sizes(l Layout) []int {
	if l.exact() {
		return []int{50, 300, 11_000}
	}
	return []int{50, 300, 1_000}
}

// run runs chaos that must find nothing.
func run(t *testing.T, c Config) *Report {
	t.Helper()
	r, err := Run(t.Context(), t, c)
	if r != nil {
		t.Log(r)
	}
	if err != nil {
		t.Fatalf("%v; CHAOS_SEED=%d", err, c.Seed)
	}
	if len(r.Violations) > 0 {
		t.Errorf("%d violations; CHAOS_SEED=%d", len(r.Violations), c.Seed)
	}
	return r
}

// runDir returns the directory of a run: CHAOS_DIR, without what an earlier one left,
// or one that goes with the test.
func runDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CHAOS_DIR")
	if dir == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.log")) // logs are added to
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
