package manager_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// hider shows some rows, by condition, by check or by both.
type hider struct{ rows manager.Rows }

func (hider) Handle(context.Context, *manager.Event) error { return nil }

func (h hider) Rows(context.Context, *manager.Event) (manager.Rows, error) { return h.rows, nil }

// hiding is the store's catalog with handlers that hide rows.
func (s *store) hiding(t *testing.T, rows ...manager.Rows) *store {
	t.Helper()
	var o manager.Options
	for _, r := range rows {
		o.Handlers = append(o.Handlers, hider{r})
	}
	return &store{Catalog: manager.NewCatalog(s.factory, s.blobs, o), factory: s.factory, blobs: s.blobs}
}

// mine are the rows of ann, told in three ways.
func mine() map[string][]manager.Rows {
	byAnn := manager.Rows{Where: qb.CreatedBy().Eq("ann")}
	check := manager.Rows{Check: func(_ context.Context, m *resource.Meta) (bool, error) { return m.CreatedBy == "ann", nil }}
	return map[string][]manager.Rows{"condition": {byAnn}, "check": {check}, "both": {byAnn, check, {}}}
}

func TestListingsShowTheVisibleRows(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "doc", IndexedPaths: []string{"n"}})
		var ops []manager.Operation
		for i := range 40 {
			ops = append(ops, op(manager.OpCreate, numbered(i), fmt.Sprintf(`{"n":%d}`, i%7), []string{"ann", "bob"}[i%3%2], i))
		}
		if _, err := m.SaveMany(t.Context(), ops); err != nil {
			t.Fatal(err)
		}
		src := rand.New(rand.NewPCG(1, 2))
		for name, rows := range mine() {
			view := s.hiding(t, rows...).open(t, "doc")
			for range 60 {
				q := qb.Query{Offset: src.IntN(8)}
				if src.IntN(3) > 0 {
					q.Limit = opt.Of(src.IntN(12))
				}
				if src.IntN(2) > 0 {
					q.Where = qb.Data("n").Gt(src.IntN(6))
				}
				if src.IntN(2) > 0 {
					q.Sort = []qb.Sort{qb.CreatedTime().Desc()}
				}
				want := q
				want.Where = qb.And{q.Where, qb.CreatedBy().Eq("ann")}
				if diff := cmp.Diff(found(t, m.Search(t.Context(), want)), found(t, view.Search(t.Context(), q))); diff != "" {
					t.Errorf("%s, %+v: %s", name, q, diff)
				}
				n, err := view.Count(t.Context(), q)
				if all := found(t, m.Search(t.Context(), qb.Query{Where: want.Where})); err != nil || int(n) != len(all) {
					t.Errorf("%s, %+v: count is %d, %v; want %d", name, q, n, err, len(all))
				}
			}
			for _, err := range view.Search(t.Context(), qb.Query{Offset: -1}) {
				if err == nil {
					t.Errorf("%s: a negative offset finds something", name)
				}
			}
		}
	})
}

// found returns the ids of metas.
func found(t *testing.T, metas func(func(resource.Meta, error) bool)) []resource.ID {
	t.Helper()
	ids := []resource.ID{}
	for m, err := range metas {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ResourceID)
	}
	return ids
}

func TestDumpsHoldTheVisibleRowsAndTheirBlobs(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "doc"})
		hers, his := putBlob(t, s, "hers"), putBlob(t, s, "his")
		for user, blob := range map[string]string{"ann": hers, "bob": his} {
			data := fmt.Sprintf(`{"file":{"file_id":%q,"size":%d}}`, blob, map[string]int{hers: 4, his: 3}[blob])
			if _, err := m.Create(t.Context(), op(manager.OpCreate, resource.ID("doc:"+user), data, user, 0)); err != nil {
				t.Fatal(err)
			}
		}
		for name, rows := range mine() {
			b, stats := s.hiding(t, rows...).dump(t, manager.DumpOptions{})
			if diff := cmp.Diff(manager.ModelDump{Metas: 1, Revisions: 1, Blobs: 1}, stats.Models["doc"]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			for _, r := range records(t, b) {
				if blob, ok := r.(archive.Blob); ok && blob.FileID != hers {
					t.Errorf("%s: the dump holds blob %s", name, blob.Data)
				}
			}
			q := manager.DumpOptions{Models: []string{"doc"}, Query: opt.Of(qb.Where(qb.CreatedBy().Eq("bob")))}
			if _, stats := s.hiding(t, rows...).dump(t, q); stats.Models["doc"].Metas != 0 || stats.Models["doc"].Blobs != 0 {
				t.Errorf("%s: a query finds %+v of bob's", name, stats.Models["doc"])
			}
		}
	})
}

func TestWhatTellsOfAllRowsIsRefusedWhereSomeAreHidden(t *testing.T) {
	s := openMemory(t)
	declare(t, s, storage.ModelInfo{Name: "doc"})
	for name, rows := range mine() {
		view := s.hiding(t, rows...)
		_, statsErr := view.open(t, "doc").Stats(t.Context())
		_, verifyErr := view.Verify(t.Context())
		for what, err := range map[string]error{"stats": statsErr, "verify": verifyErr} {
			if code, _ := manager.CodeOf(err); code != manager.CodeForbidden || !strings.Contains(err.Error(), "model doc") {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

func TestAFailedRowCheckEndsTheListing(t *testing.T) {
	down := errors.New("the directory is down")
	rows := manager.Rows{Check: func(_ context.Context, m *resource.Meta) (bool, error) {
		if m.ResourceID == numbered(1) {
			return true, down
		}
		return true, nil
	}}
	s := openMemory(t)
	m := declare(t, s, storage.ModelInfo{Name: "doc"})
	for i := range 3 {
		if _, err := m.Create(t.Context(), op(manager.OpCreate, numbered(i), `{}`, "ann", i)); err != nil {
			t.Fatal(err)
		}
	}
	view := s.hiding(t, rows)
	var seen []resource.ID
	var failed error
	for meta, err := range view.open(t, "doc").Search(t.Context(), qb.Query{}) {
		if failed = err; err == nil {
			seen = append(seen, meta.ResourceID)
		}
	}
	if !errors.Is(failed, down) || len(seen) != 1 {
		t.Errorf("%v, %v", seen, failed)
	}
	if _, err := view.open(t, "doc").Count(t.Context(), qb.Query{}); !errors.Is(err, down) {
		t.Error(err)
	}
	if _, err := view.DumpTo(t.Context(), &bytes.Buffer{}, manager.DumpOptions{}); !errors.Is(err, down) {
		t.Error(err)
	}
}

func TestASnapshotReadsOneMomentWithTheHandlersOfItsView(t *testing.T) {
	l := &listener{}
	s := listened(t, memory.New(), l)
	m := declare(t, s, storage.ModelInfo{Name: "doc"})
	if _, err := m.Create(t.Context(), op(manager.OpCreate, "doc:a", `{}`, "ann", 0)); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Using(manager.Scope{User: "bob"}).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Create(t.Context(), op(manager.OpCreate, "doc:b", `{}`, "ann", 0)); err != nil {
		t.Fatal(err)
	}
	l.take()
	r, err := snap.Open(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Count(t.Context(), qb.Query{}); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if got := l.take(); len(got) != 2 || got[0] != "before search_resources doc by bob" {
		t.Error(got)
	}
	if _, err := snap.Open(t.Context(), "none"); !errors.Is(err, storage.ErrNotFound) {
		t.Error(err)
	}
	if err := snap.Close(); err != nil {
		t.Fatal(err)
	}
}
