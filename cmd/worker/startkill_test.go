package main

import (
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pgtest"
)

// TestAStartThatIsKilledIsStartedAgain: killed at any moment of a load into a database
// without tables, while these, the queue and the job are made side by side, the same
// command does the load.
func TestAStartThatIsKilledIsStartedAgain(t *testing.T) {
	const kills, loaded = 7, 13
	load := func(t *testing.T) []string {
		return []string{"load", "testdata/small.acbak", "--store", pgtest.Database(t), "--data", t.TempDir(), "-o", "json"}
	}
	begin := time.Now()
	if r := start(t, nil, load(t)...).wait(); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	whole := time.Since(begin)
	for i := range time.Duration(kills) {
		after := whole * (i + 1) / (kills + 1)
		t.Run(after.String(), func(t *testing.T) {
			args := load(t)
			p := start(t, nil, args...)
			time.Sleep(after)
			p.kill()
			// The killed one may have done it all.
			if r := cli(t, args...); r.code != exitOK && r.refusal(t).Code != "duplicate_resource" {
				t.Fatalf("the load after the kill: %+v", r)
			}
			if n := resources(t, args[3]); n != loaded {
				t.Fatalf("%d resources, want %d", n, loaded)
			}
		})
	}
}
