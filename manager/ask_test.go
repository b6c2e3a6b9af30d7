package manager_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

func TestEventsCarryTheMeta(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		l := &listener{metas: true}
		s := listened(t, open(t).factory, l)
		m := declare(t, s, storage.ModelInfo{Name: "doc"})
		if _, err := m.Create(t.Context(), op(manager.OpCreate, "doc:old", `{}`, "ann", 0)); err != nil {
			t.Fatal(err)
		}
		l.take()
		_, err := m.SaveMany(t.Context(), []manager.Operation{
			op(manager.OpUpdate, "doc:old", `{"n":1}`, "bob", 1),
			op(manager.OpUpsert, "doc:new", `{"n":1}`, "bob", 1),
			op(manager.OpUpdate, "doc:new", `{"n":2}`, "cyn", 2),
			op(manager.OpDelete, "doc:none", "", "cyn", 2),
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"before update doc doc:old by bob of ann", "before create doc doc:new by bob of nobody",
			"before update doc doc:new by cyn of bob", "before delete doc doc:none by cyn of nobody",
			"success update doc doc:old by bob", "success create doc doc:new by bob",
			"success update doc doc:new by cyn", "failure delete doc doc:none by cyn: not_found",
		}
		if diff := cmp.Diff(want, l.take()); diff != "" {
			t.Error(diff)
		}
		if _, err := m.Get(t.Context(), "doc:old", manager.GetOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := l.take()[0]; got != "before get doc doc:old by  of ann" {
			t.Error(got)
		}
	})
}

// A resource that changes hands between the check and the effect is checked again.
func TestAReplacedResourceIsAskedAboutAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		l := &listener{metas: true}
		s := listened(t, open(t).factory, l)
		m := declare(t, s, storage.ModelInfo{Name: "doc"})
		other := mustOpen(t, s.Unguarded(), "doc")
		asks := 0
		l.judge = func(e *manager.Event) error {
			if asks++; asks == 1 { // just now eve makes it
				if _, err := other.Create(t.Context(), op(manager.OpCreate, "doc:x", `{"eve":1}`, "eve", 0)); err != nil {
					t.Fatal(err)
				}
			}
			if e.Meta != nil && e.Meta.CreatedBy != e.User {
				return deny(e)
			}
			return nil
		}
		_, err := m.Upsert(t.Context(), op(manager.OpUpsert, "doc:x", `{"bob":1}`, "bob", 1))
		if code, _ := manager.CodeOf(err); code != manager.CodeForbidden {
			t.Errorf("bob replaced what eve made: %v", err)
		}
		want := []string{
			"before create doc doc:x by bob of nobody", "failure create doc doc:x by bob: failed",
			"before update doc doc:x by bob of eve", "failure update doc doc:x by bob: forbidden",
		}
		if diff := cmp.Diff(want, l.take()); diff != "" {
			t.Error(diff)
		}
	})
}

// An upsert that was allowed as the update of what the batch makes must not
// create it when that was not made.
func TestAnOperationIsAllowedOnlyForWhatItWasAskedAs(t *testing.T) {
	l := &listener{metas: true, judge: func(e *manager.Event) error {
		if e.User == "bob" && e.Action == manager.ActionCreate {
			return deny(e)
		}
		return nil
	}}
	s := listened(t, memory.New(), l)
	m := declare(t, s, storage.ModelInfo{Name: "doc"})
	tooDeep := op(manager.OpCreate, "bad/id", `{}`, "ann", 0)
	out, err := m.SaveMany(t.Context(), []manager.Operation{
		tooDeep, op(manager.OpUpsert, "bad/id", `{}`, "bob", 1), op(manager.OpUpdate, "bad/id", `{}`, "bob", 2),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []manager.Code{out[0].Code, out[1].Code, out[2].Code}
	if diff := cmp.Diff([]manager.Code{manager.CodeInvalid, manager.CodeConflict, manager.CodeNotFound}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAScopeFillsWhatOperationsLack(t *testing.T) {
	s := openMemory(t)
	declare(t, s, storage.ModelInfo{Name: "doc"})
	view := s.Using(manager.Scope{User: "ann", Now: func() time.Time { return epoch }})
	m := mustOpen(t, view, "doc")
	if _, err := m.Create(t.Context(), manager.Operation{ResourceID: "doc:a", Data: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Using(manager.Scope{User: "bob"}).Create(t.Context(), manager.Operation{ResourceID: "doc:b", Data: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Create(t.Context(), op(manager.OpCreate, "doc:c", `{}`, "cyn", 7)); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[resource.ID]string{"doc:a": "ann 0", "doc:b": "bob 0", "doc:c": "cyn 7"} {
		meta, err := s.open(t, "doc").GetMeta(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%s %.0f", meta.CreatedBy, meta.CreatedTime.Sub(epoch).Minutes()); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

func TestAskSaveDoesNothing(t *testing.T) {
	l := &listener{metas: true, judge: func(e *manager.Event) error {
		if !e.Asked {
			t.Errorf("%s on %s is not asked", e.Action, e.ResourceID)
		}
		if e.User == "bob" || e.Action == manager.ActionUpdate || e.Action == manager.ActionDelete {
			return deny(e)
		}
		return nil
	}}
	s := listened(t, memory.New(), l)
	refused, err := s.AskSave(t.Context(), "doc", []manager.Operation{
		op(manager.OpUpsert, "doc:a", `not even JSON`, "ann", 0),
		op(manager.OpUpsert, "doc:a", `{}`, "ann", 0), // it may be gone by then
		op(manager.OpUpsert, "doc:a", `{}`, "bob", 0),
		op(manager.OpDelete, "doc:a", "", "ann", 0),
		op(manager.OpDelete, "doc:later", "", "ann", 0), // it may be hers
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, false, true, true, false} {
		if (refused[i] != nil) != want {
			t.Errorf("%d: %v", i, refused[i])
		}
	}
	if models := s.models(t); len(models) != 0 {
		t.Errorf("asking made %v", models)
	}
	want := []string{
		"before create doc doc:a by ann of nobody", "before update doc doc:a by ann of ann", "before create doc doc:a by ann of ann",
		"before update doc doc:a by bob of ann", "before create doc doc:a by bob of ann", "before delete doc doc:a by ann of ann",
	}
	if diff := cmp.Diff(want, l.take()); diff != "" {
		t.Error(diff)
	}
}
