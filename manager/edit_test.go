package manager_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// step is an operation and what it must do: an effect, or the code of a refusal.
type step struct {
	op     manager.Operation
	effect manager.Effect
	code   manager.Code
}

func does(o manager.Operation, e manager.Effect) step { return step{op: o, effect: e} }

func refuses(o manager.Operation, c manager.Code) step {
	return step{op: o, effect: manager.EffectRefused, code: c}
}

// with changes an operation.
func with(o manager.Operation, change func(*manager.Operation)) manager.Operation {
	change(&o)
	return o
}

func draft(o manager.Operation) manager.Operation  { return status(o, resource.Draft) }
func stable(o manager.Operation) manager.Operation { return status(o, resource.Stable) }

func status(o manager.Operation, s resource.Status) manager.Operation {
	o.Status = opt.Of(s)
	return o
}

func expecting(o manager.Operation, rev resource.RevisionID) manager.Operation {
	o.ExpectedRevisionID = rev
	return o
}

func switchTo(id resource.ID, n int, user string, minute int) manager.Operation {
	return with(op(manager.OpSwitch, id, "", user, minute), func(o *manager.Operation) { o.RevisionID = id.Revision(n) })
}

// play does the steps over every kind of store, one by one and in one unit of
// work, and checks what is there in the end.
func play(t *testing.T, model storage.ModelInfo, steps []step, check func(t *testing.T, s *store, m *manager.Manager)) {
	t.Helper()
	eachStore(t, func(t *testing.T, open opener) {
		var all []manager.Operation
		for _, st := range steps {
			all = append(all, st.op)
		}
		ways := map[string]func(m *manager.Manager) ([]manager.Outcome, error){
			"one by one": func(m *manager.Manager) (out []manager.Outcome, err error) {
				for _, o := range all {
					some, err := m.SaveMany(t.Context(), []manager.Operation{o})
					if err != nil {
						return nil, err
					}
					out = append(out, some...)
				}
				return out, nil
			},
			"at once": func(m *manager.Manager) ([]manager.Outcome, error) { return m.SaveMany(t.Context(), all) },
		}
		if !slices.ContainsFunc(all, func(o manager.Operation) bool { return o.Op == manager.OpPurge }) { // a job does not purge
			ways["as a job"] = func(m *manager.Manager) ([]manager.Outcome, error) {
				out, err := m.SaveJobs(t.Context(), []manager.SaveJob{saveJob(t.Name(), all...)})
				if err != nil {
					return nil, err
				}
				return out[0].Outcomes, nil
			}
		}
		for name, way := range ways {
			t.Run(name, func(t *testing.T) {
				s := open(t)
				m := declare(t, s, model)
				out, err := way(m)
				if err != nil {
					t.Fatal(err)
				}
				for i, st := range steps {
					if out[i].Effect != st.effect || out[i].Code != st.code {
						t.Errorf("step %d, %s of %s: %+v; want %s %s", i, st.op.Op, st.op.ResourceID, out[i], st.effect, st.code)
					}
				}
				check(t, s, m)
				wantSound(t, s)
			})
		}
	})
}

// wantSound fails when the store has a problem, or its archive cannot be loaded.
func wantSound(t *testing.T, s *store) {
	t.Helper()
	found, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Problems) > 0 {
		t.Errorf("verify: %+v", found.Problems)
	}
}

// history describes the revisions of a resource: id, parent, status, creator and
// updater, payload.
func history(t *testing.T, s *store, model string, id resource.ID) []string {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for info, err := range stores.Revisions.List(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		rev, err := stores.Revisions.Get(t.Context(), info.Key())
		if err != nil {
			t.Fatal(err)
		}
		if hash, _ := rev.Info.DataHash.Get(); hash != resource.DataHash(rev.Data) {
			t.Errorf("%s: the hash is not that of the payload", info.RevisionID)
		}
		parent := strings.TrimPrefix(string(info.ParentRevisionID.Or("-")), string(id))
		all = append(all, fmt.Sprintf("%s<%s %s %s/%s %s", strings.TrimPrefix(string(info.RevisionID), string(id)), parent,
			info.Status, info.CreatedBy, info.UpdatedBy, rev.Data))
	}
	return all
}

// current describes a meta: current revision, count, deleted, updater, rev_*, indexed.
func current(t *testing.T, m *manager.Manager, id resource.ID) string {
	t.Helper()
	meta, err := m.GetMeta(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	indexed := "unset"
	if x, ok := meta.IndexedData.Get(); ok {
		indexed = string(x.AppendJSON(nil))
	}
	deleted := ""
	if meta.IsDeleted {
		deleted = " deleted"
	}
	return fmt.Sprintf("%s of %d%s by %s at %d; %s %s/%s at %d/%d; %s", meta.CurrentRevisionID, meta.TotalRevisionCount, deleted, meta.UpdatedBy,
		int(meta.UpdatedTime.Sub(epoch).Minutes()), meta.Rev.Status, meta.Rev.CreatedBy, meta.Rev.UpdatedBy,
		int(meta.Rev.CreatedTime.Or(epoch).Sub(epoch).Minutes()), int(meta.Rev.UpdatedTime.Or(epoch).Sub(epoch).Minutes()), indexed)
}

func wantCurrent(t *testing.T, m *manager.Manager, id resource.ID, want string) {
	t.Helper()
	if got := current(t, m, id); got != want {
		t.Errorf("%s is\n%s; want\n%s", id, got, want)
	}
}

func wantHistory(t *testing.T, s *store, model string, id resource.ID, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, history(t, s, model, id)); diff != "" {
		t.Errorf("revisions of %s: %s", id, diff)
	}
}

var doc = storage.ModelInfo{Name: "doc", IndexedPaths: []string{"n"}}

func TestModify(t *testing.T) {
	play(t, doc, []step{
		refuses(op(manager.OpModify, "doc:a", `{"n":1}`, "ann", 0), manager.CodeNotFound),
		does(draft(op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 1)), manager.EffectCreated),
		does(op(manager.OpModify, "doc:a", `{"n":2}`, "bob", 2), manager.EffectModified),          // a draft stays one
		does(op(manager.OpModify, "doc:a", `{"n":2}`, "cyn", 3), manager.EffectUnchanged),         // equal data
		does(draft(op(manager.OpModify, "doc:a", `{"n":2}`, "cyn", 4)), manager.EffectUnchanged),  // and status
		does(op(manager.OpModify, "doc:a", "", "cyn", 5), manager.EffectUnchanged),                // nothing asked
		does(stable(op(manager.OpModify, "doc:a", `{"n":2}`, "dan", 6)), manager.EffectModified),  // equal data, other status
		refuses(op(manager.OpModify, "doc:a", `{"n":3}`, "eve", 7), manager.CodeNotDraft),         // stable now
		refuses(stable(op(manager.OpModify, "doc:a", `{"n":3}`, "eve", 7)), manager.CodeNotDraft), //
		does(draft(op(manager.OpModify, "doc:a", `{"n":3}`, "fay", 8)), manager.EffectModified),   // becomes a draft
		does(stable(op(manager.OpModify, "doc:a", "", "gil", 9)), manager.EffectModified),         // status alone
		does(draft(op(manager.OpModify, "doc:a", "", "hal", 10)), manager.EffectModified),         // in any direction
		refuses(expecting(op(manager.OpModify, "doc:a", `{"n":4}`, "ida", 11), "doc:a:2"), manager.CodeConflict),
		does(expecting(op(manager.OpModify, "doc:a", `{"n":4}`, "ida", 11), "doc:a:1"), manager.EffectModified),
		does(op(manager.OpUpdate, "doc:a", `{"n":5}`, "joe", 12), manager.EffectUpdated),
		does(draft(op(manager.OpModify, "doc:a", `{"n":6}`, "kim", 13)), manager.EffectModified),
		does(op(manager.OpCreate, "doc:b", `{}`, "ann", 14), manager.EffectCreated),
		does(op(manager.OpDelete, "doc:b", "", "ann", 15), manager.EffectDeleted),
		refuses(draft(op(manager.OpModify, "doc:b", `{"n":1}`, "ann", 16)), manager.CodeDeleted),
	}, func(t *testing.T, s *store, m *manager.Manager) {
		wantHistory(t, s, "doc", "doc:a", `:1<- draft ann/ida {"n":4}`, `:2<:1 draft joe/kim {"n":6}`)
		wantCurrent(t, m, "doc:a", `doc:a:2 of 2 by kim at 13; draft joe/kim at 12/13; {"n":6}`)
		wantHistory(t, s, "doc", "doc:b", `:1<- stable ann/ann {}`)
	})
}

func TestSwitch(t *testing.T) {
	play(t, doc, []step{
		refuses(switchTo("doc:a", 1, "ann", 0), manager.CodeNotFound),
		does(draft(op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 1)), manager.EffectCreated),
		does(op(manager.OpUpdate, "doc:a", `{"n":2}`, "bob", 2), manager.EffectUpdated),
		does(op(manager.OpUpdate, "doc:a", `{"n":3}`, "cyn", 3), manager.EffectUpdated),
		does(switchTo("doc:a", 3, "dan", 4), manager.EffectUnchanged),
		refuses(switchTo("doc:a", 4, "dan", 4), manager.CodeNotFound),
		refuses(expecting(switchTo("doc:a", 1, "dan", 4), "doc:a:2"), manager.CodeConflict),
		does(expecting(switchTo("doc:a", 1, "dan", 5), "doc:a:3"), manager.EffectSwitched),
		does(op(manager.OpUpdate, "doc:a", `{"n":1}`, "eve", 6), manager.EffectUnchanged), // equal to the one switched to
		does(op(manager.OpModify, "doc:a", `{"n":10}`, "eve", 7), manager.EffectModified), // it is a draft
		does(op(manager.OpUpdate, "doc:a", `{"n":4}`, "fay", 8), manager.EffectUpdated),
		does(switchTo("doc:a", 2, "gil", 9), manager.EffectSwitched),
		does(op(manager.OpDelete, "doc:a", "", "hal", 10), manager.EffectDeleted),
		refuses(switchTo("doc:a", 1, "hal", 11), manager.CodeDeleted),
		does(op(manager.OpRestore, "doc:a", "", "hal", 12), manager.EffectRestored),
	}, func(t *testing.T, s *store, m *manager.Manager) {
		wantHistory(t, s, "doc", "doc:a",
			`:1<- draft ann/eve {"n":10}`, `:2<:1 stable bob/bob {"n":2}`, `:3<:2 stable cyn/cyn {"n":3}`, `:4<:1 stable fay/fay {"n":4}`)
		wantCurrent(t, m, "doc:a", `doc:a:2 of 4 by hal at 12; stable bob/bob at 2/2; {"n":2}`)
	})
}

func TestPurge(t *testing.T) {
	play(t, doc, []step{
		refuses(op(manager.OpPurge, "doc:a", "", "ann", 0), manager.CodeNotFound),
		does(op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 1), manager.EffectCreated),
		does(op(manager.OpUpdate, "doc:a", `{"n":2}`, "ann", 2), manager.EffectUpdated),
		refuses(expecting(op(manager.OpPurge, "doc:a", "", "ann", 3), "doc:a:1"), manager.CodeConflict),
		does(op(manager.OpPurge, "doc:a", "", "ann", 4), manager.EffectPurged),
		refuses(op(manager.OpPurge, "doc:a", "", "ann", 5), manager.CodeNotFound),
		refuses(op(manager.OpUpdate, "doc:a", `{"n":3}`, "ann", 5), manager.CodeNotFound),
		does(op(manager.OpCreate, "doc:a", `{"n":4}`, "bob", 6), manager.EffectCreated),
		refuses(switchTo("doc:a", 2, "bob", 7), manager.CodeNotFound), // it was of the one before
		does(op(manager.OpUpdate, "doc:a", `{"n":5}`, "cyn", 8), manager.EffectUpdated),
		does(op(manager.OpCreate, "doc:b", `{}`, "ann", 9), manager.EffectCreated),
		does(op(manager.OpDelete, "doc:b", "", "ann", 10), manager.EffectDeleted),
		does(op(manager.OpPurge, "doc:b", "", "ann", 11), manager.EffectPurged), // deleted ones too
	}, func(t *testing.T, s *store, m *manager.Manager) {
		wantHistory(t, s, "doc", "doc:a", `:1<- stable bob/bob {"n":4}`, `:2<:1 stable cyn/cyn {"n":5}`)
		wantCurrent(t, m, "doc:a", `doc:a:2 of 2 by cyn at 8; stable cyn/cyn at 8/8; {"n":5}`)
		if got := ids(t, s, "doc"); len(got) != 1 {
			t.Errorf("resources: %q", got)
		}
		if got := history(t, s, "doc", "doc:b"); len(got) != 0 {
			t.Errorf("revisions of a purged resource: %q", got)
		}
	})
}

func TestAJobDoesNotPurge(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		m := declare(t, open(t), doc)
		out, err := m.SaveJobs(t.Context(), []manager.SaveJob{saveJob("one", op(manager.OpCreate, "doc:a", `{}`, "ann", 0), op(manager.OpPurge, "doc:a", "", "ann", 1))})
		if err != nil {
			t.Fatal(err)
		}
		if got := out[0].Outcomes; got[0].Effect != manager.EffectCreated || got[1].Code != manager.CodeUnsupport {
			t.Fatalf("outcomes %+v", got)
		}
	})
}

// TestModifyLeavesNoOrphan: the original leaves one payload for each call.
func TestModifyLeavesNoOrphan(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		m := declare(t, open(t), doc)
		if _, err := m.Create(t.Context(), draft(op("", "doc:a", `{"n":0}`, "ann", 0))); err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if _, err := m.Modify(t.Context(), op("", "doc:a", fmt.Sprintf(`{"n":%d}`, i+1), "ann", i+1)); err != nil {
				t.Fatal(err)
			}
		}
		stats, err := m.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if stats.Revisions != 1 || stats.Metas != 1 {
			t.Fatalf("stats %+v", stats)
		}
	})
}

func TestOperationsTakeWhatTheyNeed(t *testing.T) {
	m := declare(t, openMemory(t), doc)
	for _, o := range []manager.Operation{
		op(manager.OpPatch, "doc:a", "", "ann", 0),
		op(manager.OpSwitch, "doc:a", "", "ann", 0),
		op(manager.OpDelete, "doc:a", `{}`, "ann", 0),
		op(manager.OpModify, "doc:a", "  ", "ann", 0),
		with(op(manager.OpUpdate, "doc:a", `{}`, "ann", 0), func(o *manager.Operation) { o.RevisionID = "doc:a:1" }),
		with(op(manager.OpUpdate, "doc:a", `{}`, "ann", 0), func(o *manager.Operation) { o.Patch = []byte(`[]`) }),
		with(op(manager.OpModify, "doc:a", `{}`, "ann", 0), func(o *manager.Operation) { o.Patch = []byte(`[]`) }),
		with(op(manager.OpPatch, "doc:a", "", "ann", 0), func(o *manager.Operation) { o.Payload = []byte(`[]`) }),
	} {
		out, err := m.SaveMany(t.Context(), []manager.Operation{o})
		if err != nil {
			t.Fatal(err)
		}
		if out[0].Code != manager.CodeInvalid || out[0].Message == "" {
			t.Errorf("%+v gives %+v", o, out[0])
		}
	}
}

// TestModifyWithNullChangesTheStatusAlone: a sender that writes null for what it does
// not give loses no payload.
func TestModifyWithNullChangesTheStatusAlone(t *testing.T) {
	play(t, doc, []step{
		does(draft(op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 0)), manager.EffectCreated),
		does(stable(op(manager.OpModify, "doc:a", ` null `, "bob", 1)), manager.EffectModified),
		does(draft(with(op(manager.OpModify, "doc:a", `null`, "bob", 2), func(o *manager.Operation) { o.Patch = []byte(`{"n":2}`) })), manager.EffectModified),
	}, func(t *testing.T, s *store, m *manager.Manager) {
		wantHistory(t, s, "doc", "doc:a", `:1<- draft ann/bob {"n":2}`)
	})
}
