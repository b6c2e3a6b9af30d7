package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// broken is a store with one defect, and the checks that must fail for it.
type broken struct {
	open   Open
	caught []string
	// alone: goroutines are counted, so there must be no others.
	alone bool
}

// over puts a defect over stores in memory.
func over(defect func(storage.Factory) storage.Factory) Open {
	return func(context.Context, string) (storage.Factory, error) { return defect(memory.New()), nil }
}

// surviving is a store in memory that outlives its closing, as if it was on disk.
type surviving struct{ *memory.Factory }

func (surviving) Close() error { return nil }

func (f surviving) Traits() storage.Traits {
	traits := f.Factory.Traits()
	traits.Durable = true
	return traits
}

// survive opens surviving stores by their places, with a defect over them; again
// tells whether the store was there.
func survive(defect func(f surviving, again bool) storage.Factory) Open {
	var mu sync.Mutex
	stores := map[string]surviving{}
	return func(_ context.Context, place string) (storage.Factory, error) {
		mu.Lock()
		defer mu.Unlock()
		f, again := stores[place]
		if !again {
			f = surviving{memory.New()}
			stores[place] = f
		}
		return defect(f, again), nil
	}
}

// failures runs all checks and returns the messages of those that failed.
func failures(t *testing.T, open Open, timeout time.Duration) map[string]string {
	t.Helper()
	report, err := Run(t.Context(), open, Options{Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	failed := map[string]string{}
	for _, r := range report.Results {
		if r.State == Failed {
			failed[r.Name] = r.Message
		}
	}
	return failed
}

// allBroken returns all stores with defects, by what is wrong with them.
func allBroken() map[string]broken {
	all := map[string]broken{}
	for _, some := range []map[string]broken{brokenMetas(), brokenRevisions(), brokenUnits(), brokenLedgers(), brokenWaitings(), brokenSuspends(), brokenAudits(), brokenLoads(), brokenFactories(), brokenGarbages()} {
		maps.Copy(all, some)
	}
	return all
}

// TestBrokenStoresAreCaught puts stores with one defect each to the checks: those
// that are named after the broken promise must fail, and most others must not.
func TestBrokenStoresAreCaught(t *testing.T) {
	for name, b := range allBroken() {
		t.Run(name, func(t *testing.T) {
			if !b.alone {
				t.Parallel() // most of the time passes in waiting
			}
			failed := failures(t, b.open, 5*time.Second)
			for _, c := range b.caught {
				if failed[c] == "" {
					t.Errorf("check %s passed", c)
				}
			}
			if len(failed) > len(All())/3 {
				t.Errorf("%d checks failed, so their names tell little: %q", len(failed), slices.Sorted(maps.Keys(failed)))
			}
		})
	}
}

// TestEveryGuaranteeIsBrokenOnce shows that no guarantee has only checks that
// could not fail.
func TestEveryGuaranteeIsBrokenOnce(t *testing.T) {
	caught := map[int]bool{}
	for _, b := range allBroken() {
		for _, name := range b.caught {
			caught[Check{Name: name}.Guarantee()] = true
		}
	}
	for _, g := range Guarantees() {
		if !caught[g.Number] {
			t.Errorf("no broken store breaks G%d %s", g.Number, g.Title)
		}
	}
}

// TestChecksPassWhereNothingIsBroken shows that the stores under the defects are
// not what is caught.
func TestChecksPassWhereNothingIsBroken(t *testing.T) {
	for name, open := range map[string]Open{
		"in memory": over(func(f storage.Factory) storage.Factory { return f }),
		"surviving": survive(func(f surviving, _ bool) storage.Factory { return f }),
	} {
		if failed := failures(t, open, Timeout); len(failed) != 0 {
			t.Errorf("a store without a defect, %s, failed: %v", name, failed)
		}
	}
}

// TestCheckNamesAreUniqueAndNumbered keeps the names useful.
func TestCheckNamesAreUniqueAndNumbered(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		number, what, found := strings.Cut(c.Name, "/")
		if !found || number != fmt.Sprintf("G%d", c.Guarantee()) || what == "" || seen[c.Name] {
			t.Errorf("check name %q is repeated or has no number", c.Name)
		}
		seen[c.Name] = true
	}
}
