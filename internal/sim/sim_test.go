package sim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// schedules is how many are played, except in long tests and when the environment says
// how many.
var schedules uint64 = 5_000

// TestSchedules plays the schedules of the first seeds until one fails.
func TestSchedules(t *testing.T) {
	if os.Getenv("SPECSTAR_TEST_LONG") != "" {
		schedules *= 20
	}
	last := number("SPECSTAR_SIM_SCHEDULES", schedules)
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // each leaves little, and is gone
	s := &summary{recovery: make(map[Trial]time.Duration)}
	var next atomic.Uint64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1); seed <= last && !failed.Load(); seed = next.Add(1) {
				r := play(t, Draw(seed))
				if s.add(r); len(r.Violations) > 0 && !failed.Swap(true) {
					t.Errorf("%s\n%s", r.Text(), again(seed))
				}
			}
		})
	}
	wg.Wait()
	t.Log(s)
}

// again is how a seed is played again.
func again(seed uint64) string {
	return fmt.Sprintf("again, 20 times: SPECSTAR_SIM_SEED=%d go test -count=1 -v -run TestSeed ./internal/sim", seed)
}

// TestSeed plays one seed some times. With SPECSTAR_SIM_KEEP its schedule is kept under
// that name in the corpus.
func TestSeed(t *testing.T) {
	s := Draw(number("SPECSTAR_SIM_SEED", 1))
	if name := os.Getenv("SPECSTAR_SIM_KEEP"); name != "" {
		b, err := json.MarshalIndent(s, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("testdata", "corpus", name+".json"), append(b, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	playOften(t, s)
}

// TestCorpus plays the schedules that have found something.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s Schedule
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) { playOften(t, s) })
	}
}

// playOften plays a schedule as often as may be needed for goroutines to come in the
// order in which it fails.
func playOften(t *testing.T, s Schedule) {
	for range 20 {
		if r := play(t, s); len(r.Violations) > 0 {
			t.Fatal(r.Text())
		}
	}
}

func play(t *testing.T, s Schedule) (r Result) {
	defer func() {
		if left := recover(); left != nil {
			r = Result{Schedule: s, Violations: []string{fmt.Sprint(left)}}
		}
	}()
	synctest.Test(t, func(t *testing.T) { r = Run(t.Context(), s) })
	return r
}

// summary is what came of all schedules.
type summary struct {
	mu       sync.Mutex
	played   int
	rest     time.Duration
	slowest  uint64 // the seed of it
	recovery map[Trial]time.Duration
}

func (s *summary) add(r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.played++
	if r.Rest > s.rest {
		s.rest, s.slowest = r.Rest, r.Schedule.Seed
	}
	s.recovery[r.Schedule.Last] = max(s.recovery[r.Schedule.Last], r.Recovery)
}

// String says it.
func (s *summary) String() string {
	return fmt.Sprintf("%d schedules; at rest after %s at most (seed %d); longest recovery %v", s.played, s.rest, s.slowest, s.recovery)
}

// number is what the environment says.
func number(name string, otherwise uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}
