package manager_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// listener writes events down. judge, when not nil, answers before-events.
type listener struct {
	judge func(e *manager.Event) error
	metas bool

	mu    sync.Mutex
	lines []string
	calls []uint64
}

func (l *listener) NeedsMeta() bool { return l.metas }

func (l *listener) Handle(_ context.Context, e *manager.Event) error {
	line := fmt.Sprintf("%s %s %s", e.Phase, e.Action, e.Model)
	if e.ResourceID != "" {
		line += " " + string(e.ResourceID)
	}
	line += " by " + e.User
	if e.Phase == manager.PhaseBefore && l.metas {
		owner := "nobody"
		if e.Meta != nil {
			owner = e.Meta.CreatedBy
		}
		line += " of " + owner
	}
	if code, ok := manager.CodeOf(e.Err); ok {
		line += ": " + string(code)
	} else if e.Err != nil {
		line += ": failed"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines, l.calls = append(l.lines, line), append(l.calls, e.Call)
	if e.Phase == manager.PhaseBefore && l.judge != nil {
		return l.judge(e)
	}
	return nil
}

// take returns what was heard since the last time.
func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines, l.calls = nil, nil
	return lines
}

// deny refuses as a permission check does.
func deny(e *manager.Event) error {
	return &manager.RefusedError{Code: manager.CodeForbidden, Model: e.Model, ResourceID: e.ResourceID, Message: "no"}
}

// listened is a catalog whose events the listener hears.
func listened(t *testing.T, f storage.Factory, l *listener) *store {
	t.Helper()
	s := catalogOf(t, f)
	s.Catalog = manager.NewCatalog(f, s.blobs, manager.Options{Handlers: []manager.EventHandler{l}})
	return s
}

func TestEveryCallIsToldOnce(t *testing.T) {
	l := &listener{}
	s := listened(t, memory.New(), l)
	declare(t, s, storage.ModelInfo{Name: "doc"})
	view := s.Using(manager.Scope{User: "ann"})
	m, err := view.Open(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	save := func(kind manager.Op, id resource.ID, data string) func() error {
		return func() error {
			_, err := m.SaveMany(t.Context(), []manager.Operation{op(kind, id, data, "", 0)})
			return err
		}
	}
	arc := encodeArchive(t, []archive.Record{
		archive.Header{}, archive.ModelStart{Model: "doc"}, archive.ModelEnd{Model: "doc"}, archive.EOF{},
	})
	meta, rev := simple("doc:r", `{}`)
	both := func(what string) []string { return []string{"before " + what, "success " + what} }
	for _, c := range []struct {
		name string
		call func() error
		want []string
	}{
		{"create", save(manager.OpCreate, "doc:a", `{"n":1}`), both("create doc doc:a by ann")},
		{"update", save(manager.OpUpdate, "doc:a", `{"n":2}`), both("update doc doc:a by ann")},
		{"upsert of one that is there", save(manager.OpUpsert, "doc:a", `{"n":3}`), both("update doc doc:a by ann")},
		{"upsert of a new one", save(manager.OpUpsert, "doc:b", `{"n":3}`), both("create doc doc:b by ann")},
		{"refused by the rules", save(manager.OpCreate, "doc:a", `{"n":1}`), []string{"before create doc doc:a by ann", "failure create doc doc:a by ann: exists"}},
		{"malformed", save(manager.OpCreate, "doc:a", `{"n":`), nil},
		{"delete", save(manager.OpDelete, "doc:a", ""), both("delete doc doc:a by ann")},
		{"restore", save(manager.OpRestore, "doc:a", ""), both("restore doc doc:a by ann")},
		{"get", func() error { _, err := m.Get(t.Context(), "doc:a", manager.GetOptions{}); return err }, both("get doc doc:a by ann")},
		{"get a revision", func() error {
			_, err := m.Get(t.Context(), "doc:a", manager.GetOptions{Revision: "doc:a:1"})
			return err
		}, both("get_resource_revision doc doc:a by ann")},
		{"get meta", func() error { _, err := m.GetMeta(t.Context(), "doc:a"); return err }, both("get_meta doc doc:a by ann")},
		{"list revisions", func() error {
			for _, err := range m.Revisions(t.Context(), "doc:a") {
				return err
			}
			return nil
		}, both("list_revisions doc doc:a by ann")},
		{"search", func() error {
			for _, err := range m.Search(t.Context(), qb.Query{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}, both("search_resources doc by ann")},
		{"count", func() error { _, err := m.Count(t.Context(), qb.Query{}); return err }, both("search_resources doc by ann")},
		{"stats", func() error { _, err := m.Stats(t.Context()); return err }, both("search_resources doc by ann")},
		{"dump", func() error { _, err := view.DumpTo(t.Context(), &bytes.Buffer{}, manager.DumpOptions{}); return err }, both("dump doc by ann")},
		{"records of a dump", func() error {
			for _, err := range view.Dump(t.Context(), manager.DumpOptions{}) {
				return err
			}
			return nil
		}, both("dump doc by ann")},
		{"verify", func() error { _, err := view.Verify(t.Context()); return err }, both("dump doc by ann")},
		{"garbage", func() error { _, err := view.CollectGarbage(t.Context(), manager.GCOptions{DryRun: true}); return err }, both("permanently_delete doc by ann")},
		{"load", func() error {
			_, err := view.LoadArchive(t.Context(), bytes.NewReader(arc), manager.LoadOptions{})
			return err
		}, both("load doc by ann")},
		{"load records", func() error {
			_, err := view.LoadRecordsBulk(t.Context(), manager.Records{Model: "doc", Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev}}, manager.RaiseError)
			return err
		}, both("load doc by ann")},
		{"backfill", func() error { _, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{}); return err }, both("migrate doc by ann")},
		{"save jobs", func() error {
			_, err := m.SaveJobs(t.Context(), []manager.SaveJob{saveJob("j", op(manager.OpDelete, "doc:a", "", "bob", 1))})
			return err
		}, both("delete doc doc:a by bob")},
		{"a save job that was done before", func() error {
			_, err := m.SaveJobs(t.Context(), []manager.SaveJob{saveJob("j", op(manager.OpDelete, "doc:a", "", "bob", 1))})
			return err
		}, []string{"before delete doc doc:a by bob"}},
		{"question", func() error {
			return view.Ask(t.Context(), manager.Event{Action: manager.ActionLoad, Model: "doc"})
		}, []string{"before load doc by ann"}},
		{"nobody listens", func() error {
			_, err := mustOpen(t, view.Unguarded(), "doc").Count(t.Context(), qb.Query{})
			return err
		}, nil},
	} {
		l.take()
		if err := c.call(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, l.take()); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func mustOpen(t *testing.T, c *manager.Catalog, model string) *manager.Manager {
	t.Helper()
	m, err := c.Open(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAHandlerRefusesOneOperationOfABatch(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		l := &listener{judge: func(e *manager.Event) error {
			if e.User == "eve" {
				return deny(e)
			}
			return nil
		}}
		s := listened(t, open(t).factory, l)
		m := declare(t, s, storage.ModelInfo{Name: "doc"})
		ops := []manager.Operation{
			op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 0),
			op(manager.OpUpdate, "doc:a", `{"n":2}`, "eve", 1),
			op(manager.OpCreate, "doc:b", `{"n":1}`, "eve", 2),
			op(manager.OpUpdate, "doc:a", `{"n":3}`, "ann", 3),
		}
		want := []manager.Effect{manager.EffectCreated, manager.EffectRefused, manager.EffectRefused, manager.EffectUpdated}
		check := func(out []manager.Outcome, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range out {
				if o.Effect != want[i] || (o.Effect == manager.EffectRefused) != (o.Code == manager.CodeForbidden) {
					t.Errorf("%d: %+v", i, o)
				}
			}
			if calls := slices.Compact(l.calls); len(calls) != 1 {
				t.Errorf("one batch has calls %d", calls)
			}
			lines := []string{
				"before create doc doc:a by ann", "before update doc doc:a by eve", "failure update doc doc:a by eve: forbidden",
				"before create doc doc:b by eve", "failure create doc doc:b by eve: forbidden", "before update doc doc:a by ann",
				"success create doc doc:a by ann", "success update doc doc:a by ann",
			}
			if diff := cmp.Diff(lines, l.take()); diff != "" {
				t.Error(diff)
			}
		}
		check(m.SaveMany(t.Context(), ops))
		if err := s.deleteAll(t, "doc"); err != nil {
			t.Fatal(err)
		}
		out, err := m.SaveJobs(t.Context(), []manager.SaveJob{saveJob("all", ops...)})
		if err != nil {
			t.Fatal(err)
		}
		check(out[0].Outcomes, nil)
	})
}

// deleteAll removes the metas of a model.
func (s *store) deleteAll(t *testing.T, model string) error {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), model)
	if err != nil {
		return err
	}
	return stores.Metas.Delete(t.Context(), ids(t, s, model))
}

func TestAHandlerThatFailsKeepsTheBatchFromBeingDone(t *testing.T) {
	down := errors.New("the directory is down")
	l := &listener{judge: func(e *manager.Event) error {
		if e.ResourceID == "doc:b" || e.Action == manager.ActionSearchResources {
			return down
		}
		return nil
	}}
	s := listened(t, memory.New(), l)
	m := declare(t, s, storage.ModelInfo{Name: "doc"})
	ops := []manager.Operation{op(manager.OpCreate, "doc:a", `{}`, "ann", 0), op(manager.OpCreate, "doc:b", `{}`, "ann", 0)}
	if _, err := m.SaveMany(t.Context(), ops); !errors.Is(err, down) {
		t.Error(err)
	}
	want := []string{
		"before create doc doc:a by ann", "before create doc doc:b by ann",
		"failure create doc doc:b by ann: failed", "failure create doc doc:a by ann: failed",
	}
	if diff := cmp.Diff(want, l.take()); diff != "" {
		t.Error(diff)
	}
	if _, err := m.SaveJobs(t.Context(), []manager.SaveJob{saveJob("x", ops...)}); !errors.Is(err, down) {
		t.Error(err)
	}
	if _, err := m.Count(t.Context(), qb.Query{}); !errors.Is(err, down) {
		t.Error(err)
	}
	for _, err := range m.Search(t.Context(), qb.Query{}) {
		if !errors.Is(err, down) {
			t.Error(err)
		}
	}
	if got := ids(t, s, "doc"); len(got) != 0 {
		t.Errorf("%s are there", got)
	}
}
