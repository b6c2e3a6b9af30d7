package manager_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// manyWriters is a store that says that four units may run at the same time.
type manyWriters struct{ storage.Factory }

func (manyWriters) Traits() storage.Traits {
	t := memory.New().Traits()
	t.Writers = 4
	return t
}

// TestBackfillOfPagesAtOnce: pages that are completed side by side are reported in
// their order, and none is left out.
func TestBackfillOfPagesAtOnce(t *testing.T) {
	const rows, page = 100, 7
	f := memory.New()
	c := manager.NewCatalog(manyWriters{f}, nil, manager.Options{BatchSize: page})
	m, err := c.Declare(t.Context(), storage.ModelInfo{Name: "doc"})
	if err != nil {
		t.Fatal(err)
	}
	stores, err := f.Build(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	var metas []resource.Meta
	var revs []resource.Revision
	for i := range rows {
		meta, rev := simple(resource.ID(fmt.Sprintf("doc:%03d", i)), `{}`)
		meta.Rev = resource.RevMeta{}
		metas, revs = append(metas, meta), append(revs, rev)
	}
	if err := stores.Revisions.SaveMany(t.Context(), revs); err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
		t.Fatal(err)
	}
	var told []resource.ID
	stats, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{
		Progress: func(last resource.ID, s manager.BackfillStats) {
			if told = append(told, last); s.Updated != int64(min(rows, page*len(told))) {
				t.Errorf("at %s: %+v", last, s)
			}
		},
	})
	if err != nil || stats.Updated != rows || stats.Missing+stats.Unchanged != 0 {
		t.Fatalf("%+v, %v", stats, err)
	}
	if len(told) != (rows+page-1)/page || !slices.IsSorted(told) {
		t.Errorf("told of %q", told)
	}
}
