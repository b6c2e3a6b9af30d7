package peertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// TestQueriesSelectWhatTheOriginalSelects asks random queries of both and
// compares the ids, in order where the query says one.
func TestQueriesSelectWhatTheOriginalSelects(t *testing.T) {
	p := pypeer.Start(t)
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			compared, found := 0, 0
			eachSeed(t, p, 8, 150, func(t *testing.T, s source) {
				ours := b.open(t)
				ours.load(t, s.archive, manager.LoadOptions{})
				theirs := s.loadInPython(t, p, s.archive, b.encoding)
				for _, m := range theirs.Models {
					queries, err := theirs.Queries(m.Name, 42, 60)
					if err != nil {
						t.Fatal(err)
					}
					for _, q := range queries {
						if q.Error != "" {
							continue // the original itself fails: values it cannot compare
						}
						compared++
						found += len(q.IDs)
						compareAnswer(t, ours, m.Name, q)
					}
				}
			})
			if compared < 400 || found < 2*compared {
				t.Errorf("only %d answers with %d ids were compared", compared, found)
			}
		})
	}
}

func compareAnswer(t *testing.T, ours store, model string, q pypeer.Query) {
	t.Helper()
	query, err := qb.ParseQuery(q.Query)
	if err != nil {
		t.Errorf("%s: %v", q.Query, err)
		return
	}
	mgr, err := ours.catalog.Open(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	got := []resource.ID{}
	for meta, err := range mgr.Search(t.Context(), query) {
		if err != nil {
			t.Fatalf("%s: %v", q.Query, err)
		}
		got = append(got, meta.ResourceID)
	}
	if !strings.Contains(string(q.Query), `"sorts"`) {
		slices.Sort(got)
		slices.Sort(q.IDs)
	}
	if d := cmp.Diff(q.IDs, got); d != "" {
		t.Errorf("%s %s: -original +ours\n%s", model, q.Query, d)
	}
}
