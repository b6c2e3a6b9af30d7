package qb_test

import (
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/goldenqueries"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

func TestGoldenQueries(t *testing.T) {
	metas := goldenqueries.Metas(t)
	for _, g := range goldenqueries.Queries(t) {
		t.Run(g.Name, func(t *testing.T) {
			q, err := qb.ParseQuery(g.Query)
			if err != nil {
				t.Fatal(err)
			}
			got := ids(t, qb.Select(all(metas), q))
			if !g.Ordered {
				slices.Sort(got)
			}
			if diff := cmp.Diff(g.Want(t), got); diff != "" && len(g.Want(t))+len(got) > 0 {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}

func all(metas []resource.Meta) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		for _, m := range metas {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func ids(t *testing.T, found iter.Seq2[resource.Meta, error]) []resource.ID {
	t.Helper()
	var out []resource.ID
	for m, err := range found {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.ResourceID)
	}
	return out
}
