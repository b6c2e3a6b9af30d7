package manager_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// toy is the simplest thing that obeys the rules of operations.
type toy map[resource.ID]*toyResource

type toyResource struct {
	payloads []string // by number - 1
	deleted  bool
}

func (m toy) apply(o manager.Operation) manager.Outcome {
	r := m[o.ResourceID]
	refuse := func(code manager.Code) manager.Outcome {
		return manager.Outcome{Effect: manager.EffectRefused, ResourceID: o.ResourceID, Code: code}
	}
	done := func(e manager.Effect) manager.Outcome {
		n := len(m[o.ResourceID].payloads)
		return manager.Outcome{Effect: e, ResourceID: o.ResourceID, RevisionID: o.ResourceID.Revision(n)}
	}
	kind := o.Op
	if kind == manager.OpUpsert {
		if kind = manager.OpUpdate; r == nil && o.ExpectedRevisionID == "" {
			kind = manager.OpCreate
		}
	}
	if kind == manager.OpCreate {
		if r != nil {
			return refuse(manager.CodeExists)
		}
		m[o.ResourceID] = &toyResource{payloads: []string{string(o.Data)}}
		return done(manager.EffectCreated)
	}
	switch {
	case r == nil:
		return refuse(manager.CodeNotFound)
	case o.ExpectedRevisionID != "" && o.ExpectedRevisionID != o.ResourceID.Revision(len(r.payloads)):
		return refuse(manager.CodeConflict)
	case kind == manager.OpRestore && !r.deleted:
		return done(manager.EffectUnchanged)
	case kind == manager.OpRestore:
		r.deleted = false
		return done(manager.EffectRestored)
	case r.deleted:
		return refuse(manager.CodeDeleted)
	case kind == manager.OpDelete:
		r.deleted = true
		return done(manager.EffectDeleted)
	case r.payloads[len(r.payloads)-1] == string(o.Data):
		return done(manager.EffectUnchanged)
	}
	r.payloads = append(r.payloads, string(o.Data))
	return done(manager.EffectUpdated)
}

// drawOp draws an operation on one of a few resources.
func drawOp(t *rapid.T) manager.Operation {
	kinds := []manager.Op{manager.OpCreate, manager.OpUpdate, manager.OpUpsert, manager.OpDelete, manager.OpRestore}
	id := resource.ID(rapid.SampledFrom([]string{"doc:a", "doc:b", "doc:c"}).Draw(t, "id"))
	o := op(rapid.SampledFrom(kinds).Draw(t, "op"), id, "", "ann", rapid.IntRange(0, 99).Draw(t, "minute"))
	if o.Op != manager.OpDelete && o.Op != manager.OpRestore {
		o.Data = fmt.Appendf(nil, `{"n":%d}`, rapid.IntRange(0, 2).Draw(t, "n"))
	}
	if o.Op != manager.OpCreate && rapid.IntRange(0, 3).Draw(t, "expects") == 0 {
		o.ExpectedRevisionID = id.Revision(rapid.IntRange(1, 3).Draw(t, "number"))
	}
	if rapid.Bool().Draw(t, "draft") {
		o.Status = opt.Of(resource.Draft)
	}
	return o
}

func TestRandomOperationsObeyTheRules(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			model := fmt.Sprintf("doc-%d", round)
			m := declare(t, s, storage.ModelInfo{Name: model, IndexedPaths: []string{"n"}})
			want := toy{}
			for range rapid.IntRange(1, 5).Draw(rt, "batches") {
				ops := rapid.SliceOfN(rapid.Custom(drawOp), 1, 8).Draw(rt, "ops")
				got, err := m.SaveMany(t.Context(), ops)
				if err != nil {
					rt.Fatal(err)
				}
				for i, o := range ops {
					got[i].Message = ""
					if w := want.apply(o); got[i] != w {
						rt.Fatalf("%s of %s: %+v, want %+v", o.Op, o.ResourceID, got[i], w)
					}
				}
			}
			checkToy(rt, t, m, want)
		})
		if f, err := s.Verify(t.Context()); err != nil || !f.OK {
			t.Errorf("verify: %+v, %v", f, err)
		}
	})
}

// checkToy compares what is stored with the toy.
func checkToy(rt *rapid.T, t *testing.T, m *manager.Manager, want toy) {
	for id, w := range want {
		r, err := m.Get(t.Context(), id, manager.GetOptions{IncludeDeleted: true})
		if err != nil {
			rt.Fatal(err)
		}
		if string(r.Data) != w.payloads[len(w.payloads)-1] || r.Meta.IsDeleted != w.deleted || r.Meta.TotalRevisionCount != len(w.payloads) {
			rt.Fatalf("%s is %s, %+v; want %+v", id, r.Data, r.Meta, *w)
		}
		if r.Meta.Rev != resource.RevMetaOf(r.Info) {
			rt.Fatalf("rev_* of %s are %+v, the info is %+v", id, r.Meta.Rev, r.Info)
		}
		x, _ := r.Meta.IndexedData.Get()
		n, ok := x.Lookup("n")
		if !ok || !strings.Contains(string(r.Data), fmt.Sprint(n)) {
			rt.Fatalf("indexed n of %s is %v, the payload %s", id, n, r.Data)
		}
	}
}
