package manager_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// TestBackfillOfIndexedData: rows from before a path was declared are found by it
// afterwards.
func TestBackfillOfIndexedData(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		c := manager.NewCatalog(s.factory, s.blobs, manager.Options{BatchSize: 3})
		m, err := c.Declare(t.Context(), storage.ModelInfo{Name: "doc", IndexedPaths: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 7 {
			data := fmt.Sprintf(`{"a":%d,"b":{"c":%d},"when":"2024-01-0%dT00:00:00Z"}`, i, 10*i, i+1)
			if _, err := m.Create(t.Context(), op("", numbered(i), data, "u", i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Delete(t.Context(), op("", numbered(6), "", "u", 9)); err != nil {
			t.Fatal(err)
		}
		stores, err := s.factory.Build(t.Context(), "doc")
		if err != nil {
			t.Fatal(err)
		}
		lost, rev := simple("doc:lost", `{}`)
		lost.CurrentRevisionID = rev.Info.ResourceID.Revision(7)
		if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{lost}); err != nil {
			t.Fatal(err)
		}
		m = declareYAML(t, &store{Catalog: c}, "{name: doc, fields: [{name: a, type: int}, {name: b, type: 'map[int]'}, {name: when, type: datetime}], indexed_fields: [b.c, when]}")
		before := stateOf(t, s, "doc")
		var seen []resource.ID
		got, err := m.BackfillIndexedData(t.Context(), manager.BackfillOptions{Progress: func(last resource.ID, _ manager.BackfillStats) { seen = append(seen, last) }})
		want := manager.BackfillStats{Updated: 7, Missing: 1, MissingIDs: []resource.ID{"doc:lost"}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatal(diff, err)
		}
		if diff := cmp.Diff([]resource.ID{numbered(2), numbered(5), "doc:lost"}, seen); diff != "" {
			t.Error(diff)
		}
		for _, tc := range []struct {
			cond qb.Cond
			want int64
		}{{qb.Data("b.c").Eq(60), 1}, {qb.Data("a").Gte(3), 4}, {qb.Data("b.c").Exists(true), 7}} {
			if n, err := m.Count(t.Context(), qb.Where(tc.cond)); err != nil || n != tc.want {
				t.Errorf("%v selects %d rows, %v; want %d", tc.cond, n, err, tc.want)
			}
		}
		// Nothing but the indexed data has changed.
		after := stateOf(t, s, "doc")
		for id := range before {
			delete(before[id].Meta, "indexed_data")
			delete(after[id].Meta, "indexed_data")
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Error(diff)
		}
		again, err := m.BackfillIndexedData(t.Context(), manager.BackfillOptions{Range: storage.Range{After: numbered(1)}})
		want = manager.BackfillStats{Missing: 1, Unchanged: 5, MissingIDs: []resource.ID{"doc:lost"}}
		if diff := cmp.Diff(want, again); err != nil || diff != "" {
			t.Error(diff, err)
		}
	})
}

// TestBackfillOfIndexedDataTakesEqualValues: what is stored is indexed as it is, so that
// it is found. Equal values at a path that became unique later are verify's to report.
func TestBackfillOfIndexedDataTakesEqualValues(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		c := manager.NewCatalog(s.factory, s.blobs, manager.Options{})
		m, err := c.Declare(t.Context(), storage.ModelInfo{Name: "doc"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if _, err := m.Create(t.Context(), op("", numbered(i), `{"mail":"x"}`, "u", i)); err != nil {
				t.Fatal(err)
			}
		}
		if m, err = c.Declare(t.Context(), storage.ModelInfo{Name: "doc", IndexedPaths: []string{"mail"}, UniquePaths: []string{"mail"}}); err != nil {
			t.Fatal(err)
		}
		got, err := m.BackfillIndexedData(t.Context(), manager.BackfillOptions{})
		if diff := cmp.Diff(manager.BackfillStats{Updated: 2}, got); err != nil || diff != "" {
			t.Fatal(diff, err)
		}
		if n, err := m.Count(t.Context(), qb.Where(qb.Data("mail").Eq("x"))); err != nil || n != 2 {
			t.Errorf("%d rows have the value, %v", n, err)
		}
		f, err := c.Verify(t.Context())
		if err != nil || len(f.Problems) != 1 || f.Problems[0].Code != manager.CodeNotUnique || f.Problems[0].ResourceID != numbered(1) {
			t.Errorf("verify finds %+v, %v", f.Problems, err)
		}
		_, err = m.Create(t.Context(), op("", numbered(2), `{"mail":"x"}`, "u", 2))
		if refused, ok := errors.AsType[*manager.RefusedError](err); !ok || refused.Code != manager.CodeNotUnique {
			t.Errorf("a third one with the value gives %v", err)
		}
	})
}
