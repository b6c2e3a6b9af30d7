package peertest

import (
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
)

// TestBackfillDoesWhatTheOriginalDoes loads an archive as releases before 0.9
// wrote it, here and there, and backfills both: counts and metas are the same,
// and those of the application that never lacked the fields.
func TestBackfillDoesWhatTheOriginalDoes(t *testing.T) {
	p := pypeer.Start(t)
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			eachSeed(t, p, 4, 250, func(t *testing.T, s source) {
				old := filepath.Join(t.TempDir(), "old.acbak")
				if err := p.Strip(s.archive, old, 3); err != nil {
					t.Fatal(err)
				}
				theirs := s.loadInPython(t, p, old, b.encoding)
				want, err := theirs.Backfill()
				if err != nil {
					t.Fatal(err)
				}
				ours := b.open(t)
				ours.load(t, old, manager.LoadOptions{})
				backfill(t, ours, want)
				equal(t, "against the original", theirs.MustState(t), ours.state(t))
				equal(t, "against the source", s.in(t, p, b), ours.state(t))

				for model := range want {
					want[model] = 0
				}
				backfill(t, ours, want)
			})
		})
	}
}

// backfill backfills every model and checks how many metas were filled.
func backfill(t *testing.T, s store, want map[string]int64) {
	t.Helper()
	for model, n := range want {
		m, err := s.catalog.Open(t.Context(), model)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Updated != n || got.Missing != 0 {
			t.Errorf("%s: backfilled %+v, want %d updated", model, got, n)
		}
	}
}
