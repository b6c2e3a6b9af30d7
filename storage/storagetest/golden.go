package storagetest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/goldenqueries"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
)

// RunGolden asks a store the queries that the original's stores have answered.
func RunGolden(t *testing.T, open check.Open) {
	f, err := open(t.Context(), "golden")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "task", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	stores, err := f.Build(t.Context(), "task")
	if err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), goldenqueries.Metas(t)); err != nil {
		t.Fatal(err)
	}
	for _, g := range goldenqueries.Queries(t) {
		t.Run(g.Name, func(t *testing.T) { askGolden(t, stores.Metas, g) })
	}
}

func askGolden(t *testing.T, metas storage.MetaReader, g goldenqueries.Query) {
	q, err := qb.ParseQuery(g.Query)
	if err != nil {
		t.Fatal(err)
	}
	var got []resource.ID
	for m, err := range metas.Search(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.ResourceID)
	}
	if !g.Ordered {
		slices.Sort(got)
	}
	if diff := cmp.Diff(g.Want(t), got); diff != "" && len(g.Want(t))+len(got) > 0 {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}
