package main

import (
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/cli/scale"
	"github.com/specstar-worker/worker/internal/pgtest"
)

// TestBenchScale: the workers do the chunks together, everything is counted, and nothing
// is left in the database.
func TestBenchScale(t *testing.T) {
	r := remote{dsn: pgtest.Database(t)}
	var got scale.Report
	// Not in this process: it starts itself as worker and queue.
	p := start(t, nil, "bench", "scale", "--store", r.dsn, "--resources", "10001", "--workers", "1,2", "--idle", "0s", "--max-time", "1m", "-q", "-o", "json")
	p.wait().into(t, &got)
	if len(got.Runs) != 2 || got.Resources != 10001 || got.Verdict == "" {
		t.Fatalf("%+v", got)
	}
	for _, run := range got.Runs {
		if run.Chunks != 11 || run.Busy < 1 || run.Busy > run.Workers || run.PerSecond <= 0 ||
			run.Statements < 1 || run.RoundTrips < 1 || run.Transactions < 1 || run.WAL < 800 || run.CPU.Workers <= 0 || run.CPU.Postgres <= 0 {
			t.Errorf("%+v", run)
		}
	}
	if left := r.tables(t); len(left) != 0 {
		t.Errorf("tables are left: %v", left)
	}
	for want, args := range map[string][]string{
		"--store":     {"--store", "memory:"},
		"--workers":   {"--store", r.dsn, "--workers", "0"},
		"--resources": {"--store", r.dsn, "--resources", "0"},
		"--idle":      {"--store", r.dsn, "--idle", "-1s"},
		"--delay":     {"--store", r.dsn, "--delay", "-1s"},
		"--max-time":  {"--store", r.dsn, "--max-time", "0s"},
	} {
		refused := cli(t, append([]string{"bench", "scale"}, args...)...)
		if refused.code != exitUsage || !strings.Contains(refused.stderr, want) {
			t.Errorf("%v: %d %s", args, refused.code, refused.stderr)
		}
	}
}
