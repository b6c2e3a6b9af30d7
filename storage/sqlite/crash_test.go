package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// crashDir makes this test binary write units into a store until it is killed.
const crashDir = "SPECSTAR_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := writeUnits(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if dir := os.Getenv(upgradeDir); dir != "" {
		fmt.Fprintln(os.Stderr, upgradeAndDie(dir, os.Getenv(upgradeStage)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const unitSize = 40

// jobOf is the job of the n-th unit.
func jobOf(n int) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, "job ", n)) }

// unitOf returns the resources of the n-th unit.
func unitOf(n int) []made { return newResources(n*unitSize, unitSize, 1000) }

// writeUnits writes unit after unit, those that are there already left out, and
// prints the number of each when it is committed.
func writeUnits(dir string) error {
	ctx := context.Background()
	f, err := Open(ctx, Config{Dir: dir})
	if err != nil {
		return err
	}
	if err := f.SaveModel(ctx, storage.ModelInfo{Name: model, Encoding: resource.JSON}); err != nil {
		return err
	}
	for n := 0; ; n++ {
		w, refs := writesOf(unitOf(n))
		job := storage.Job{ID: jobOf(n), Kind: "save", State: storage.JobDone}
		err := f.Unit().Update(ctx, storage.Batch{Refs: refs, Jobs: []uuid.UUID{job.ID}}, func(v storage.View) (storage.Writes, error) {
			if v.Ended(job.ID) {
				return storage.Writes{}, nil
			}
			return storage.Writes{Models: map[string]storage.ModelWrites{model: w}, Jobs: []storage.Job{job}}, nil
		})
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// killedAfter runs writeUnits in another process and kills it when it has
// reported the given unit; it returns the last unit that was reported.
func killedAfter(t *testing.T, dir string, unit int) int {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
			t.Fatalf("the child wrote %q", lines.Text())
		}
		if last == unit {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || last < unit {
		t.Fatalf("the child ended by itself at unit %d: %v", last, err)
	}
	return last
}

func TestKilledWriterLeavesWholeUnits(t *testing.T) {
	dir := t.TempDir()
	for _, unit := range []int{0, 7, 31} {
		last := killedAfter(t, dir, unit)
		f := open(t, Config{Dir: dir})
		// At most one unit was committed and not reported any more.
		whole := 0
		for n := range last + 3 {
			if holdsUnit(t, f, n) {
				whole++
			} else if n <= last {
				t.Errorf("unit %d was reported and is not there", n)
			}
		}
		if metas, want := count(t, f, `SELECT count(*) FROM person_meta`), whole*unitSize; metas != want {
			t.Errorf("%d metas, want the %d of whole units", metas, want)
		}
		if n := count(t, f, `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`); n != 0 {
			t.Errorf("integrity_check reports %d problems", n)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// holdsUnit reports whether a unit is there; it must be so as a whole.
func holdsUnit(t *testing.T, f *Factory, n int) bool {
	t.Helper()
	_, err := f.Ledger().Get(t.Context(), jobOf(n))
	done := err == nil
	var ids []resource.ID
	for _, m := range unitOf(n) {
		ids = append(ids, m.meta.ResourceID)
	}
	s := build(t, f)
	metas, err := s.Metas.GetMany(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	revisions := 0
	for _, err := range s.Revisions.DumpAll(t.Context(), func(yield func(resource.ID) bool) {
		for _, id := range ids {
			if !yield(id) {
				return
			}
		}
	}) {
		if err != nil {
			t.Fatal(err)
		}
		revisions++
	}
	want := 0
	if done {
		want = unitSize
	}
	if len(metas) != want || revisions != want {
		t.Errorf("unit %d: job done %v, %d metas, %d revisions", n, done, len(metas), revisions)
	}
	return done
}
