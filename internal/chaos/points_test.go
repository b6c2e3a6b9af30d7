package chaos

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/overlay"
)

// TestPointsAreInTheSource: each is at one place of the source as it is.
func TestPointsAreInTheSource(t *testing.T) {
	names, changes, err := points()
	if err != nil || len(names) < 12 {
		t.Fatalf("%d points, %v", len(names), err)
	}
	if _, err := overlay.Write(t.TempDir(), changes); err != nil {
		t.Fatal(err)
	}
	if slices.Sort(names); len(slices.Compact(names)) < len(names) {
		t.Errorf("a name is there twice: %v", names)
	}
}

// TestWorkersDieAtEachPoint: a worker kills itself at each of the points, at the first
// and at a later time that it comes there, while others work. Short tests try some;
// CHAOS_POINTS names those that are to be tried, separated by semicolons.
func TestWorkersDieAtEachPoint(t *testing.T) {
	names, _, err := points()
	if err != nil {
		t.Fatal(err)
	}
	times := []int{1, 3}
	if !long() {
		t.Parallel()
		names, times = []string{"after a commit", "after a commit with rows"}, times[:1]
	}
	if wanted := os.Getenv("CHAOS_POINTS"); wanted != "" {
		names = strings.Split(wanted, ";")
	}
	reached := map[string]int{}
	c := Config{
		Seed: number(t, "CHAOS_SEED", uint64(time.Now().UnixNano())), Duration: time.Hour, Dir: runDir(t), Server: programs.server,
		LoadEvery: 6 * time.Second, LoadSizes: []int{50, 11_000},
		script: func(ctx context.Context, s *Stand, play *scene) error {
			return dieAtEach(ctx, s, play, names, times, reached)
		},
	}
	if !long() {
		c.LoadSizes = []int{50, 300}
	}
	build := quick
	if long() { // a claim of seconds ends while a large load is published on a busy machine
		build, c.Settle = asItIs, 5*time.Minute
	}
	c.Worker, c.Points = built(t, build), built(t, pointed)
	r := run(t, c)
	t.Logf("deaths at each point: %v; %d processes", reached, r.Starts)
	for _, name := range names {
		if reached[name] == 0 {
			t.Errorf("no worker came to the point %q", name)
		}
	}
}

// triesToDie is how often a worker is told to die at a point: a busy machine is slow to
// come there, and a worker that is to end has nothing to hand back now and then.
const triesToDie = 3

// dieAtLast has a worker die at a point when it comes there for the n-th time.
func dieAtLast(ctx context.Context, s *Stand, slot int, name string, n int) (died bool, err error) {
	within := 15 * time.Second
	if strings.Contains(name, "load") || strings.Contains(name, "recorded") || strings.Contains(name, "chunk") { // it comes there at the end of one
		within = time.Minute
	}
	for range triesToDie {
		if died, err = s.dieAt(ctx, slot, name, n, within); died || err != nil {
			break
		}
	}
	return died, err
}

// dieAtEach has a worker die at each point.
func dieAtEach(ctx context.Context, s *Stand, play *scene, names []string, times []int, reached map[string]int) error {
	sleep(ctx, 2*time.Second)
	rows := 0
	for _, n := range times {
		for _, name := range names {
			// Jobs without a message, for points on the way of the reconciler.
			for range 3 {
				if err := saveInLedger(ctx, s, play, rows); err != nil {
					return err
				}
				rows++
			}
			died, err := dieAtLast(ctx, s, rows%len(s.fleet.slots), name, n)
			if err != nil {
				return err
			}
			if died {
				reached[name]++
			}
			if left := play.tracker.recovery(ctx, time.Now(), time.Minute); len(left) > 0 {
				return fmt.Errorf("%d saves have not ended a minute after a death at %q", len(left), name)
			}
		}
	}
	return nil
}
