package sim

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/overlay"
)

// TestBrokenWorkersAreCaught has the schedules played by workers whose source was changed
// in the ways that testdata/broken tells: each must be found out. Short tests build one.
func TestBrokenWorkersAreCaught(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d broken workers, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, changes, err := overlay.Parse(string(text))
		if err != nil || len(changes) == 0 {
			t.Fatalf("%s: %d changes, %v", file, len(changes), err)
		}
		_, caughtBy, found := strings.Cut(head, "\ncaught by: ")
		caughtBy, always := strings.CutSuffix(caughtBy, "\nalways: yes")
		if !found {
			t.Fatalf("%s does not say what it is caught by", file)
		}
		if always || os.Getenv("SPECSTAR_TEST_LONG") != "" {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				isCaught(t, changes, regexp.MustCompile(caughtBy))
			})
		}
	}
}

// isCaught builds this test with changes and runs it.
func isCaught(t *testing.T, changes []overlay.Change, by *regexp.Regexp) {
	dir := t.TempDir()
	args, err := overlay.Write(dir, changes)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "broken.test")
	build := exec.CommandContext(t.Context(), "go", append([]string{"test", "-trimpath", "-c", "-o", program}, append(args, ".")...)...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	run := exec.CommandContext(t.Context(), program, "-test.run", "^TestSchedules$", "-test.v")
	run.Env = append(os.Environ(), "SPECSTAR_SIM_SCHEDULES=5000")
	out, err := run.CombinedOutput()
	found := by.Find(out)
	if err == nil || found == nil {
		t.Fatalf("no violation is like %s: %v\n%s", by, err, out[:min(len(out), 4000)])
	}
	played := regexp.MustCompile(`\d+ schedules;`).Find(out)
	t.Logf("caught: %s (%s)", found, played)
}
