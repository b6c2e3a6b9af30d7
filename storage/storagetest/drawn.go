package storagetest

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
)

// drawing is a source whose numbers rapid draws, so that it can look for the
// smallest history that fails.
type drawing struct{ t *rapid.T }

func (d drawing) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "n") }

// drawn returns the checks of what rapid draws, by name.
func drawn() map[string]func(check.Source) check.Check {
	return map[string]func(check.Source) check.Check{
		"G3/drawn_history_equals_the_oracle":    check.DrawnHistory,
		"G16/drawn_queries_equal_the_reference": check.DrawnQueries,
	}
}

// drawsOfAStore is how many draws one store sees: opening a store takes time, and
// some stores get slow when there is much in them.
const drawsOfAStore = 10

// runDrawn runs the checks that are drawn.
func (h Harness) runDrawn(t *testing.T, o check.Options) {
	for name, draw := range drawn() {
		t.Run(name, func(t *testing.T) {
			var f storage.Factory
			n := 0
			open := func(context.Context, string) (storage.Factory, error) { return lent{f}, nil }
			rapid.Check(t, func(rt *rapid.T) {
				if n%drawsOfAStore == 0 {
					f = h.openForDraws(t, filepath.Join(o.Dir, fmt.Sprintf("drawn%d-%d", len(name), n)))
				}
				n++
				if r := draw(drawing{rt}).Run(t.Context(), open, "", o); r.State == check.Failed {
					rt.Fatalf("%s: %s", r.Where, r.Message)
				}
			})
		})
	}
}

// openForDraws opens a store that is closed with the test.
func (h Harness) openForDraws(t *testing.T, place string) storage.Factory {
	t.Helper()
	f, err := h.Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// lent is a store that whoever borrows it does not close.
type lent struct{ storage.Factory }

// Close does nothing.
func (lent) Close() error { return nil }
