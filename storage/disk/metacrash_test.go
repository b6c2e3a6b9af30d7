package disk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/specstar-worker/worker/internal/shmdir"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaHistory is changes of metas, each as the ledger notes it.
func metaHistory() [][]storage.MetaChange {
	return [][]storage.MetaChange{
		{{ID: "a", New: metaOf("a", 1)}, {ID: "b", New: metaOf("b", 1)}},
		{{ID: "a", Old: metaOf("a", 1), New: metaOf("a", 2)}, {ID: "c", New: metaOf("c", 1)}},
		{{ID: "b", Old: metaOf("b", 1)}, {ID: "a", Old: metaOf("a", 2), New: metaOf("a", 3)}},
	}
}

// checkMetas reports a meta that is neither as after done nor as after during.
func checkMetas(t *testing.T, m storage.ModelMetas, done [][]storage.MetaChange, during []storage.MetaChange) error {
	t.Helper()
	want := map[resource.ID][]string{"a": {""}, "b": {""}, "c": {""}}
	for _, changes := range done {
		for _, c := range changes {
			want[c.ID] = []string{string(c.New)}
		}
	}
	for _, c := range during {
		want[c.ID] = append(want[c.ID], string(c.New))
	}
	got := found(t, m, "a", "b", "c")
	for id, texts := range want {
		if !slices.Contains(texts, got[id]) {
			return fmt.Errorf("%s is %q, want one of %q", id, got[id], texts)
		}
	}
	return nil
}

// again makes those changes that were not made yet, as the ledger's record is followed.
func again(t *testing.T, m storage.ModelMetas, changes []storage.MetaChange) {
	t.Helper()
	var undone []storage.MetaChange
	for _, c := range changes {
		if found(t, m, c.ID)[c.ID] == string(c.Old) {
			undone = append(undone, c)
		}
	}
	if left := change(t, m, nil, undone...); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// TestPowerCutAtEveryStepOfMetas cuts the power before each step of changes, in many
// ways each: every meta is whole, from before or after, and the change can be made again.
func TestPowerCutAtEveryStepOfMetas(t *testing.T) {
	t.Parallel()
	dir := shmdir.New(t)
	if err := os.Mkdir(filepath.Join(dir, "cat"), 0o700); err != nil {
		t.Fatal(err)
	}
	disk := simulate(t, dir)
	random := rand.New(rand.NewPCG(3, 4))
	r := openMetas(t, Config{Dir: dir})
	var mu sync.Mutex
	var steps []step
	r.before = func(s step) error {
		mu.Lock()
		defer mu.Unlock()
		steps = append(steps, s)
		return nil
	}
	m, err := r.Model(t.Context(), "cat", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		disk.do(s)
	}
	history, cuts, base := metaHistory(), 0, shmdir.New(t)
	for i, changes := range history {
		steps = nil
		change(t, m, nil, changes...)
		during := changes
		for n := range len(steps) + 1 {
			if n > 0 {
				disk.do(steps[n-1])
			}
			done := history[:i]
			if n == len(steps) {
				done, during = history[:i+1], nil // the call has returned
			}
			for _, p := range powerCuts(len(disk.pending), random) {
				cuts++
				left := filepath.Join(base, fmt.Sprint("cut", cuts))
				if err := os.Mkdir(left, 0o700); err != nil {
					t.Fatal(err)
				}
				disk.lose(t, p, left)
				c := catMetas(t, left)
				if err := checkMetas(t, c, done, during); err != nil {
					t.Fatalf("change %d, power cut after step %d of %d: %v", i, n, len(steps), err)
				}
				if cuts%4 == 0 {
					again(t, c, changes)
					if err := checkMetas(t, c, history[:i+1], nil); err != nil {
						t.Fatalf("change %d, power cut after step %d of %d, and again: %v", i, n, len(steps), err)
					}
				}
				if err := os.RemoveAll(left); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if cuts < 300 {
		t.Errorf("the power was cut %d times only", cuts)
	}
}

// TestEveryStepOfMetasFails lets each step of changes fail, and makes the change again.
func TestEveryStepOfMetasFails(t *testing.T) {
	t.Parallel()
	history := metaHistory()
	for _, failure := range []error{syscall.ENOSPC, syscall.EIO} {
		for i, changes := range history {
			for n := 0; ; n++ {
				dir := shmdir.New(t)
				for _, c := range history[:i] {
					change(t, catMetas(t, dir), nil, c...)
				}
				r := openMetas(t, Config{Dir: dir})
				m, err := r.Model(t.Context(), "cat", true)
				if err != nil {
					t.Fatal(err)
				}
				seen := 0
				var mu sync.Mutex
				r.part("cat").files.before = func(s step) error {
					mu.Lock()
					defer mu.Unlock()
					if seen++; seen == n+1 && s.op != "removeall" {
						return failure
					}
					return nil
				}
				x, err := m.Begin(t.Context())
				if err == nil {
					err = x.Set(changes)
				}
				if err == nil {
					_, err = x.Commit()
				} else if undone := x.Rollback(); undone != nil {
					t.Fatal(undone)
				}
				if err != nil && !errors.Is(err, storage.ErrUnavailable) {
					t.Errorf("change %d, step %d: %v, want %v", i, n, err, storage.ErrUnavailable)
				}
				whole := catMetas(t, dir)
				if err := checkMetas(t, whole, history[:i], changes); err != nil {
					t.Errorf("change %d, step %d: %v", i, n, err)
				}
				again(t, whole, changes)
				if err := checkMetas(t, whole, history[:i+1], nil); err != nil {
					t.Errorf("change %d, step %d, and again: %v", i, n, err)
				}
				if n >= seen {
					if n < 5 {
						t.Errorf("change %d has %d steps only", i, n)
					}
					break
				}
			}
		}
	}
}
