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

// runDrawn runs the checks that are drawn, all on one store.
func (h Harness) runDrawn(t *testing.T, o check.Options) {
	for name, draw := range drawn() {
		t.Run(name, func(t *testing.T) {
			f, err := h.Open(t.Context(), filepath.Join(o.Dir, fmt.Sprintf("drawn%d", len(name))))
			if err != nil {
				t.Fatal(err)
			}
			open := func(context.Context, string) (storage.Factory, error) { return lent{f}, nil }
			rapid.Check(t, func(rt *rapid.T) {
				if r := draw(drawing{rt}).Run(t.Context(), open, "", o); r.State == check.Failed {
					rt.Fatalf("%s: %s", r.Where, r.Message)
				}
			})
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// lent is a store that whoever borrows it does not close.
type lent struct{ storage.Factory }

// Close does nothing.
func (lent) Close() error { return nil }
