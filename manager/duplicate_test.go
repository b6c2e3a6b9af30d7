package manager_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

type goldenDuplicate struct {
	Result struct {
		OK    bool
		Stats map[string]struct{ Loaded, Skipped, Total int64 }
	}
	After goldenState
}

type goldenDuplicates struct {
	Before     goldenState
	Overwrite  goldenDuplicate
	Skip       goldenDuplicate
	RaiseError goldenDuplicate `json:"raise_error"`
}

// fill puts a golden state into a store.
func fill(t *testing.T, s *store, models goldenState) {
	t.Helper()
	for model, m := range models {
		recs := manager.Records{Model: model}
		for _, r := range m.Resources {
			recs.Metas = append(recs.Metas, metaOf(t, r.Meta))
			for _, rev := range r.Revisions {
				recs.Revisions = append(recs.Revisions, resource.Revision{Info: infoOf(t, rev.Info), Data: rev.payload()})
			}
		}
		if _, err := s.LoadRecordsBulk(t.Context(), recs, manager.RaiseError); err != nil {
			t.Fatalf("fill %s: %v", model, err)
		}
	}
}

func TestOnDuplicateIsThatOfTheOriginal(t *testing.T) {
	want := golden[goldenDuplicates](t, "on_duplicate.expected.json")
	// The original forgets how many revisions were issued and issues their numbers
	// again; we keep the larger count.
	for _, r := range want.Overwrite.After["person"].Resources {
		if r.Meta["resource_id"] == "person:p1" {
			r.Meta["total_revision_count"] = 5
		}
	}
	in := testdata(t, "small.acbak")
	eachStore(t, func(t *testing.T, open opener) {
		for way, w := range map[manager.OnDuplicate]goldenDuplicate{manager.Overwrite: want.Overwrite, manager.Skip: want.Skip} {
			t.Run(string(way), func(t *testing.T) {
				s := open(t)
				fill(t, s, want.Before)
				stats := s.load(t, in, manager.LoadOptions{OnDuplicate: way})
				for model, st := range w.Result.Stats {
					got := stats[model]
					if got.Loaded != st.Loaded || got.Skipped != st.Skipped || got.Total != st.Total {
						t.Errorf("%s: %+v, want %+v", model, got, st)
					}
				}
				checkState(t, s, w.After)
				again := s.load(t, in, manager.LoadOptions{OnDuplicate: way})
				if way == manager.Overwrite && again["person"].Unchanged != 8 {
					t.Errorf("the second load changed something: %+v", again)
				}
				checkState(t, s, w.After)
			})
		}
		t.Run("raise_error", func(t *testing.T) {
			s := open(t)
			fill(t, s, want.Before)
			before, models := s.dumpAll(t), s.models(t)
			claim := s.claim(t)
			_, err := s.Load(t.Context(), claim, bytes.NewReader(in), manager.LoadOptions{}, nil)
			dup, ok := errors.AsType[*storage.DuplicateError](err)
			if !ok || dup.Count != 3 || dup.Model != "person" || !slices.Equal(dup.IDs, []resource.ID{"person:p1", "person:p4"}) {
				t.Fatalf("got %v", err)
			}
			row, err := s.factory.Ledger().Get(t.Context(), claim.Job)
			if err != nil || row.State != storage.JobRefused || row.ErrorCode != "duplicate_resource" {
				t.Fatalf("job %+v, %v", row, err)
			}
			if !bytes.Equal(s.dumpAll(t), before) {
				t.Fatal("a refused load changed the store")
			}
			checkBlobs(t, s, nil)
			sameVersion := cmp.Comparer(func(a, b opt.Value[string]) bool { return a == b })
			if diff := cmp.Diff(models, s.models(t), sameVersion); diff != "" {
				t.Fatalf("a refused load changed the models: %s", diff)
			}
		})
	})
}

// oneResource is an archive of one resource, made by change from a simple one.
func oneResource(t *testing.T, change func(*resource.Meta, *resource.Revision)) []byte {
	t.Helper()
	meta, rev := simple("doc:a", `{"n":1}`)
	change(&meta, &rev)
	return encodeArchive(t, []archive.Record{
		archive.Header{},
		archive.ModelStart{Model: "doc"},
		archive.Meta{Meta: meta},
		archive.Revision{Revision: rev},
		archive.ModelEnd{Model: "doc"},
		archive.EOF{},
	})
}

func TestNewerComparesAge(t *testing.T) {
	type change = func(*resource.Meta, *resource.Revision)
	same := func(*resource.Meta, *resource.Revision) {}
	updated := func(years int) change {
		return func(m *resource.Meta, _ *resource.Revision) { m.UpdatedTime = m.UpdatedTime.AddDate(years, 0, 0) }
	}
	count := func(n int) change {
		return func(m *resource.Meta, _ *resource.Revision) { m.TotalRevisionCount = n }
	}
	both := func(a, b change) change {
		return func(m *resource.Meta, r *resource.Revision) { a(m, r); b(m, r) }
	}
	number := func(n int) change {
		return func(m *resource.Meta, r *resource.Revision) {
			m.CurrentRevisionID = m.ResourceID.Revision(n)
			r.Info.RevisionID = m.CurrentRevisionID
		}
	}
	zoned := func(m *resource.Meta, _ *resource.Revision) {
		m.UpdatedTime = m.UpdatedTime.In(time.FixedZone("", 8*3600))
	}
	other := func(m *resource.Meta, _ *resource.Revision) { m.UpdatedBy = "someone else" }
	payload := func(_ *resource.Meta, r *resource.Revision) {
		r.Data = []byte(`{"n":2}`)
		r.Info.DataHash = opt.Of(resource.DataHash(r.Data))
	}
	loaded := manager.LoadStats{Loaded: 1, Total: 1, Revisions: 1, Bytes: 7}
	skipped := manager.LoadStats{Skipped: 1, Total: 1}
	unchanged := loaded
	unchanged.Unchanged = 1
	eachStore(t, func(t *testing.T, open opener) {
		for _, tc := range []struct {
			name            string
			local, archived change
			want            manager.LoadStats
			code            manager.Code
		}{
			{"later", same, updated(1), loaded, ""},
			{"earlier", same, updated(-1), skipped, ""},
			{"later wins over a count", count(9), updated(1), loaded, ""},
			{"earlier loses whatever its count", same, both(updated(-1), count(9)), skipped, ""},
			{"more revisions", same, count(7), loaded, ""},
			{"fewer revisions", count(7), same, skipped, ""},
			{"higher current number", both(count(9), number(2)), both(count(9), number(10)), loaded, ""},
			{"lower current number", both(count(9), number(10)), both(count(9), number(2)), skipped, ""},
			{"same", same, same, unchanged, ""},
			{"same instant in another zone", same, zoned, unchanged, ""},
			{"equally new by another user", same, other, manager.LoadStats{}, manager.CodeAmbiguous},
			{"equally new with another payload", same, payload, manager.LoadStats{}, manager.CodeAmbiguous},
		} {
			t.Run(tc.name, func(t *testing.T) {
				s := open(t)
				s.load(t, oneResource(t, tc.local), manager.LoadOptions{})
				before := s.dumpAll(t)
				stats, err := s.LoadArchive(t.Context(), bytes.NewReader(oneResource(t, tc.archived)), manager.LoadOptions{OnDuplicate: manager.Newer})
				code, _ := manager.CodeOf(err)
				if code != tc.code || tc.code == "" && err != nil {
					t.Fatalf("got %v, want code %q", err, tc.code)
				}
				if diff := cmp.Diff(tc.want, stats["doc"]); diff != "" {
					t.Fatal(diff)
				}
				changes := tc.want.Loaded > tc.want.Unchanged
				if bytes.Equal(before, s.dumpAll(t)) == changes {
					t.Errorf("the store changed: %v, want %v", !changes, changes)
				}
			})
		}
	})
}

// TestNewerKnowsWhatWasDerived loads an archive anew whose rows were completed
// since, or are: that is no other content, and nothing that was filled is lost.
func TestNewerKnowsWhatWasDerived(t *testing.T) {
	bare := func(m *resource.Meta, _ *resource.Revision) { m.Rev = resource.RevMeta{} }
	full := func(*resource.Meta, *resource.Revision) {}
	wrong := func(m *resource.Meta, _ *resource.Revision) { m.Rev.Status = opt.Of(resource.Draft) }
	indexed := func(path string) func(*resource.Meta, *resource.Revision) {
		return func(m *resource.Meta, _ *resource.Revision) {
			x, err := resource.NewIndexed(map[string]any{path: 1})
			if err != nil {
				t.Fatal(err)
			}
			m.IndexedData = opt.Of(x)
		}
	}
	eachStore(t, func(t *testing.T, open opener) {
		for _, tc := range []struct {
			name                  string
			local, archived, want func(*resource.Meta, *resource.Revision)
			code                  manager.Code
		}{
			{"filled since", full, bare, full, ""},
			{"filled in the archive", bare, full, full, ""},
			{"indexed here", indexed("n"), full, indexed("n"), ""},
			{"indexed there", full, indexed("n"), indexed("n"), ""},
			{"indexed otherwise", indexed("n"), indexed("m"), indexed("n"), ""},
			{"rev_* that differ", full, wrong, full, manager.CodeAmbiguous},
		} {
			t.Run(tc.name, func(t *testing.T) {
				s := open(t)
				s.load(t, oneResource(t, tc.local), manager.LoadOptions{})
				for range 2 {
					_, err := s.LoadArchive(t.Context(), bytes.NewReader(oneResource(t, tc.archived)), manager.LoadOptions{OnDuplicate: manager.Newer})
					if code, _ := manager.CodeOf(err); code != tc.code || tc.code == "" && err != nil {
						t.Fatalf("got %v, want code %q", err, tc.code)
					}
				}
				if !bytes.Equal(s.dumpAll(t), oneResource(t, tc.want)) {
					t.Error("the store holds something else")
				}
			})
		}
	})
}

func TestAnOverwritingLoadNeverReusesANumber(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		in := oneResource(t, func(*resource.Meta, *resource.Revision) {})
		s.load(t, in, manager.LoadOptions{})
		m := s.open(t, "doc")
		for _, text := range []string{`{"n":2}`, `{"n":3}`} {
			if _, err := m.Update(t.Context(), manager.Operation{ResourceID: "doc:a", Data: []byte(text)}); err != nil {
				t.Fatal(err)
			}
		}
		s.load(t, in, manager.LoadOptions{OnDuplicate: manager.Overwrite})
		out, err := m.Update(t.Context(), manager.Operation{ResourceID: "doc:a", Data: []byte(`{"n":4}`)})
		if err != nil || out.RevisionID != "doc:a:4" {
			t.Fatalf("%+v, %v; want revision 4", out, err)
		}
		r, err := m.Get(t.Context(), "doc:a", manager.GetOptions{})
		if err != nil || r.Info.ParentRevisionID != opt.Of(resource.RevisionID("doc:a:1")) {
			t.Fatalf("parent %s, %v", r.Info.ParentRevisionID, err)
		}
	})
}

// TestOneUIDUnderSeveralKeys loads an archive made before and one made after a
// migration by the original, which keeps the uid, and a copy of the resource
// under another id. Nothing is lost, and the dump can be loaded again.
func TestOneUIDUnderSeveralKeys(t *testing.T) {
	before, old := simple("doc:a", `{"n":1}`)
	after, migrated := before, old
	after.SchemaVersion, migrated.Info.SchemaVersion = opt.Of("2"), opt.Of("2")
	migrated.Info.ParentSchemaVersion, migrated.Data = opt.Of[*string](nil), []byte(`{"m":1}`)
	other, copied := simple("doc:b", `{"n":1}`)
	copied.Info.UID = old.Info.UID
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		s.load(t, docs(t, archive.Meta{Meta: before}, archive.Revision{Revision: old}), manager.LoadOptions{})
		second := docs(t, archive.Meta{Meta: after}, archive.Revision{Revision: migrated}, archive.Meta{Meta: other}, archive.Revision{Revision: copied})
		s.load(t, second, manager.LoadOptions{OnDuplicate: manager.Overwrite})
		want := docs(t, archive.Meta{Meta: after}, archive.Revision{Revision: old}, archive.Revision{Revision: migrated},
			archive.Meta{Meta: other}, archive.Revision{Revision: copied})
		if got := s.dumpAll(t); !bytes.Equal(got, want) {
			t.Errorf("the dump is\n%q, want\n%q", got, want)
		}
		again := open(t)
		again.load(t, want, manager.LoadOptions{})
		if !bytes.Equal(again.dumpAll(t), want) {
			t.Error("the dump of a load of the dump differs")
		}
		stats := again.load(t, want, manager.LoadOptions{OnDuplicate: manager.Overwrite})
		if stats["doc"].Unchanged != 2 {
			t.Errorf("loaded again: %+v", stats["doc"])
		}
	})
}
