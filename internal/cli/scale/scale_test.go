package scale

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
)

func TestTheArchiveIsSound(t *testing.T) {
	var first []byte
	for range 2 {
		path := filepath.Join(t.TempDir(), "a")
		if err := writeArchive(path, 300); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(b, first) {
			t.Error("it differs from one time to another")
		}
		first = b
	}
	found, err := manager.VerifyArchive(t.Context(), bytes.NewReader(first), archive.Limits{})
	if err != nil || !found.OK {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestProcessorTimes(t *testing.T) {
	p, ok := parseStat([]byte("42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 12345 0 0"))
	if want := (process{42, 7, 2 * time.Second, 500 * time.Millisecond}); !ok || p != want {
		t.Errorf("%+v, %v", p, ok)
	}
	for _, bad := range []string{"", "x", "1 (a) S 2", "(a) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 30 20 20"} {
		if p, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q is %+v", bad, p)
		}
	}
	if got := parseMachine([]byte("cpu  100 10 50 999 999 5 5 30 0 0\ncpu0 1")); got != 2*time.Second {
		t.Errorf("the machine was busy for %s", got)
	}
	if got := parentOf(os.Getpid()); got != os.Getppid() {
		t.Errorf("parent %d, want %d", got, os.Getppid())
	}
}

func TestTheVerdictNamesWhatIsUsedUp(t *testing.T) {
	run := func(workers int, perSecond, load float64, more ...func(*Run)) Run {
		r := Run{Workers: workers, Seconds: 1, PerSecond: perSecond, Load: load, Busy: workers, CPU: CPU{Workers: 1, Postgres: 2}}
		for _, m := range more {
			m(&r)
		}
		return r
	}
	whole := Report{Runs: []Run{
		{Workers: 1, PerSecond: 10, Seconds: 100, Planning: 0.2},
		{Workers: 2, PerSecond: 15, Seconds: 60, Planning: 0.25, Finishing: 0.25},
	}}
	whole.compare()
	if r := whole.Runs[1]; r.Growth != 1.5 || r.ChunkGrowth != 80.0/30 {
		t.Errorf("growth %v, of chunks %v", r.Growth, r.ChunkGrowth)
	}
	for name, tc := range map[string]struct {
		runs []Run
		want []string
	}{
		"helps":     {[]Run{run(1, 100, 0.5), run(2, 190, 1), run(4, 300, 2)}, []string{"helped as far"}},
		"machine":   {[]Run{run(1, 100, 1), run(2, 190, 2), run(4, 200, 3.9)}, []string{"at 4 workers", "in PostgreSQL", "used up"}},
		"others":    {[]Run{run(1, 100, 1), run(2, 110, 2, func(r *Run) { r.Machine = 3.9 })}, []string{"1.9 with other programs", "used up"}},
		"commits":   {[]Run{run(1, 100, 1), run(2, 110, 1)}, []string{"at 2 workers", "commits"}},
		"small":     {[]Run{run(2, 100, 1), run(4, 110, 1, func(r *Run) { r.Busy = 3 })}, []string{"only 3 workers"}},
		"one alone": {[]Run{run(2, 100, 1), run(4, 110, 1, func(r *Run) { r.Planning = 0.4 })}, []string{"40 %", "one worker alone"}},
	} {
		r := Report{Processors: 4, Runs: tc.runs}
		r.compare()
		for _, want := range tc.want {
			if !strings.Contains(r.Verdict, want) {
				t.Errorf("%s: %s", name, r.Verdict)
			}
		}
	}
}
