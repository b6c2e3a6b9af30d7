package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/overlay"
)

// broken is a worker that is not right, and what finds that out.
type broken struct {
	caughtBy *regexp.Regexp // what a violation says
	always   bool           // also in short tests
	changes  []Change
	config   Config
}

// TestTheCheckerCatchesBrokenWorkers runs chaos on workers whose source was changed in
// the ways that testdata/broken tells: each must be found out. Short tests run some.
func TestTheCheckerCatchesBrokenWorkers(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txt")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d broken workers, %v", len(files), err)
	}
	for _, file := range files {
		b, err := readBroken(file)
		if err != nil {
			t.Fatal(err)
		}
		if !b.always && !long() {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			c := b.config
			c.Seed, c.Server = number(t, "CHAOS_SEED", uint64(time.Now().UnixNano())), programs.server
			var err error
			if c.Worker, err = Build(t.Context(), t.TempDir(), append(b.changes, ShortLease...)...); err != nil {
				t.Fatal(err)
			}
			for range attempts {
				c.Seed, c.Dir = c.Seed+1, t.TempDir()
				r, err := Run(t.Context(), t, c)
				if err != nil {
					t.Fatalf("%v; CHAOS_SEED=%d", err, c.Seed)
				}
				for _, v := range r.Violations {
					if b.caughtBy.MatchString(v.String()) {
						t.Logf("caught: %s; %d violations", v, len(r.Violations))
						return
					}
				}
				t.Logf("not caught:\n%s", r)
			}
			t.Errorf("in %d runs no violation was like %s", attempts, b.caughtBy)
		})
	}
}

// attempts is how many short runs a broken worker may get through: a slow machine is
// not struck often in each.
const attempts = 5

// readBroken reads a file of testdata/broken: a sentence, settings of the run, and
// pieces of source with what stands there instead.
func readBroken(path string) (b broken, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return b, err
	}
	head, changes, err := overlay.Parse(string(text))
	if err != nil {
		return b, fmt.Errorf("%s: %w", path, err)
	}
	b.changes = changes
	b.config = Config{Duration: 12 * time.Second, Settle: 8 * time.Second, Calm: time.Second, Rate: 200, LoadEvery: -1, DoomEvery: -1}
	for _, line := range strings.Split(head, "\n")[1:] {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "caught by":
			b.caughtBy, err = regexp.Compile(value)
		case "always":
			b.always = value == "yes"
		case "layout":
			b.config.Layout = Layout(value)
		case "nemeses":
			b.config.Nemeses = strings.Split(value, ", ")
		case "resources":
			_, err = fmt.Sscan(value, &b.config.Resources)
		case "doomed":
			b.config.DoomEvery = 0
		case "seconds":
			var n time.Duration
			_, err = fmt.Sscan(value, &n)
			b.config.Duration = n * time.Second
		case "loads":
			b.config.LoadEvery, b.config.LoadSizes = time.Second, []int{0}
			_, err = fmt.Sscan(value, &b.config.LoadSizes[0])
		default:
			err = fmt.Errorf("%s: there is no setting %q", path, name)
		}
		if err != nil {
			return b, err
		}
	}
	if len(b.changes) == 0 || b.caughtBy == nil {
		return b, fmt.Errorf("%s: %d changes, caught by %v", path, len(b.changes), b.caughtBy)
	}
	return b, nil
}
