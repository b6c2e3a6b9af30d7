package manager_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/canon"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

type goldenOldArchive struct {
	Archive struct {
		AfterLoad     map[string][]map[string]any `json:"metas_after_load"`
		AfterBackfill map[string][]map[string]any `json:"metas_after_backfill"`
	} `json:"archive_0.8.5"`
}

// metasOf reads the metas of a model in the form of the golden files.
func metasOf(t *testing.T, s *store, model string) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	for id, st := range stateOf(t, s, model) {
		out[id] = st.Meta
	}
	return out
}

func byID(t *testing.T, metas []map[string]any) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	for _, m := range metas {
		out[m["resource_id"].(string)] = canon.Of(t, m)
	}
	return out
}

// backfill completes a model.
func backfill(t *testing.T, s *store, model string) manager.BackfillStats {
	t.Helper()
	stats, err := s.open(t, model).BackfillRevisionMeta(t.Context(), manager.BackfillOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

func TestBackfillOfAnOldArchiveIsThatOfTheOriginal(t *testing.T) {
	want := golden[goldenOldArchive](t, "pre09.expected.json").Archive
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		s.load(t, testdata(t, "small_0.8.5.acbak"), manager.LoadOptions{})
		for model, after := range want.AfterBackfill {
			if diff := cmp.Diff(byID(t, want.AfterLoad[model]), metasOf(t, s, model)); diff != "" {
				t.Errorf("%s after the load: %s", model, diff)
			}
			if got := backfill(t, s, model); got.Updated != int64(len(after)) || got.Missing+got.Unchanged != 0 {
				t.Errorf("%s: %+v", model, got)
			}
			if diff := cmp.Diff(byID(t, after), metasOf(t, s, model)); diff != "" {
				t.Errorf("%s after the backfill: %s", model, diff)
			}
			if got := backfill(t, s, model); !cmp.Equal(got, manager.BackfillStats{}) {
				t.Errorf("%s, second backfill: %+v", model, got)
			}
		}
	})
}

// halfFilled puts three resources into a store: one without rev_*, one with some
// of it, one whose current revision is nowhere.
func halfFilled(t *testing.T, s *store) storage.Stores {
	t.Helper()
	declare(t, s, storage.ModelInfo{Name: "doc"})
	stores, err := s.factory.Build(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	var metas []resource.Meta
	var revs []resource.Revision
	for _, id := range []resource.ID{"doc:none", "doc:half", "doc:lost"} {
		meta, rev := simple(id, `{}`)
		meta.Rev = resource.RevMeta{}
		if id == "doc:half" {
			meta.Rev.Status = opt.Of(resource.Stable)
		}
		metas = append(metas, meta)
		if id != "doc:lost" {
			revs = append(revs, rev)
		}
	}
	if err := stores.Revisions.SaveMany(t.Context(), revs); err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
		t.Fatal(err)
	}
	return stores
}

func TestBackfillCompletesHalfFilledRowsAndReportsMissing(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		stores := halfFilled(t, s)
		want := manager.BackfillStats{Updated: 2, Missing: 1, MissingIDs: []resource.ID{"doc:lost"}}
		if diff := cmp.Diff(want, backfill(t, s, "doc")); diff != "" {
			t.Error(diff)
		}
		stats, err := stores.Metas.Stats(t.Context())
		if err != nil || stats.UnsetRev != 1 {
			t.Errorf("%+v, %v", stats, err)
		}
		want.Updated = 0
		if diff := cmp.Diff(want, backfill(t, s, "doc")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBackfillIsPagedAndResumed(t *testing.T) {
	f := memory.New()
	s := catalogOf(t, f)
	halfFilled(t, s)
	paged := manager.NewCatalog(f, s.blobs, manager.Options{BatchSize: 1})
	m, err := paged.Open(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	var pages []resource.ID
	stats, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{
		Range:    storage.Range{After: "doc:half"},
		Progress: func(last resource.ID, _ manager.BackfillStats) { pages = append(pages, last) },
	})
	if err != nil || stats.Updated != 1 || stats.Missing != 1 {
		t.Fatalf("%+v, %v", stats, err)
	}
	if diff := cmp.Diff([]resource.ID{"doc:lost", "doc:none"}, pages); diff != "" {
		t.Error(diff)
	}
}

// racing is a store in which somebody writes to a resource between the read and
// the write of a backfill, as often as there are writes left.
type racing struct {
	storage.Factory
	write func(n int) resource.Meta
	left  int
}

func (f *racing) Build(ctx context.Context, model string) (storage.Stores, error) {
	stores, err := f.Factory.Build(ctx, model)
	stores.Metas = racingMetas{stores.Metas, f}
	return stores, err
}

type racingMetas struct {
	storage.MetaStore
	f *racing
}

func (m racingMetas) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	if m.f.left > 0 {
		m.f.left--
		if err := m.SaveMany(ctx, []resource.Meta{m.f.write(m.f.left)}); err != nil {
			return nil, err
		}
	}
	return m.MetaStore.CompareAndSwap(ctx, swaps)
}

func TestBackfillNeverOverwritesAWriter(t *testing.T) {
	for writes, want := range map[int]manager.BackfillStats{
		1: {Updated: 2, Missing: 1, MissingIDs: []resource.ID{"doc:lost"}},
		2: {Updated: 1, Missing: 1, Unchanged: 1, MissingIDs: []resource.ID{"doc:lost"}},
	} {
		f := memory.New()
		s := catalogOf(t, f)
		stores := halfFilled(t, s)
		race := &racing{Factory: f, left: writes, write: func(n int) resource.Meta {
			meta, _ := simple("doc:none", `{}`)
			meta.Rev, meta.UpdatedBy = resource.RevMeta{}, []string{"second writer", "first writer"}[n]
			return meta
		}}
		m, err := manager.NewCatalog(race, s.blobs, manager.Options{}).Open(t.Context(), "doc")
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d writes: %s", writes, diff)
		}
		meta, err := stores.Metas.Get(t.Context(), "doc:none")
		if err != nil || meta.UpdatedBy != "second writer" && writes == 2 || meta.Rev.Complete() == (writes == 2) {
			t.Errorf("%d writes leave %+v, %v", writes, meta, err)
		}
	}
}

type goldenVersions struct {
	AfterLoad []goldenResource `json:"after_load"`
}

func TestMigratedRevisionsAreLoadedAsTheyAre(t *testing.T) {
	want := golden[goldenVersions](t, "schema_versions.expected.json")
	in := testdata(t, "schema_versions.acbak")
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		s.load(t, in, manager.LoadOptions{})
		if diff := cmp.Diff(wantState(t, want.AfterLoad), stateOf(t, s, "cat")); diff != "" {
			t.Error(diff)
		}
		f, err := s.Verify(t.Context())
		if err != nil || !f.OK || len(f.Notes) == 0 {
			t.Fatalf("verify: %+v, %v", f, err)
		}
		for _, n := range f.Notes {
			if n.Code != manager.CodeHashStale {
				t.Errorf("%+v", n)
			}
		}
		if a, err := manager.VerifyArchive(t.Context(), bytes.NewReader(in), archive.Limits{}); err != nil || !a.OK || len(a.Notes) == 0 {
			t.Errorf("verify archive: %+v, %v", a, err)
		}
		other := open(t)
		dump := s.dumpAll(t)
		other.load(t, dump, manager.LoadOptions{})
		if !slices.Equal(other.dumpAll(t), dump) {
			t.Error("the dump of a load of the dump differs")
		}

		// A hash that a migration left stale hides no change: equal data is found
		// equal by its bytes.
		m := s.open(t, "cat")
		r, err := m.Get(t.Context(), "cat:1", manager.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Update(t.Context(), op("", "cat:1", string(r.Data), "w", 9))
		if err != nil || out.Effect != manager.EffectUnchanged {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

func TestBackfillStatsAddUp(t *testing.T) {
	a := manager.BackfillStats{Updated: 1, MissingIDs: []resource.ID{"a"}, Missing: 1}
	sum := a.Add(a)
	for range manager.MaxMissingIDs {
		sum = sum.Add(a)
	}
	if sum.Missing != manager.MaxMissingIDs+2 || len(sum.MissingIDs) != manager.MaxMissingIDs {
		t.Errorf("%d missing, %d named", sum.Missing, len(sum.MissingIDs))
	}
	if len(a.MissingIDs) != 1 {
		t.Error("Add changed what it was given")
	}
}
