package manager_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
)

// people makes n resources of the model person and returns its typed view; those
// with odd numbers are by bob.
func people(t *testing.T, s *store, n int) *manager.Typed[person] {
	t.Helper()
	typed, err := manager.For[person](t.Context(), s.Catalog, model.TypedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		by := []string{"ann", "bob"}[i%2]
		if _, err := typed.Using(manager.Scope{User: by}).Create(t.Context(), numbered(i), person{Name: string(numbered(i)), Age: i / 3, Level: "mid"}); err != nil {
			t.Fatal(err)
		}
	}
	return typed
}

var byAge = qb.Query{Sort: []qb.Sort{qb.Data("age").Desc()}}

// TestPagesFollowOneAnother walks by cursors of metas and of payloads.
func TestPagesFollowOneAnother(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		typed := people(t, open(t), 10)
		want := idsFound(t, typed.Manager().Search(t.Context(), byAge))
		for _, size := range []int{1, 3, 5, 10, 11} {
			walk(t, size, want, func(q qb.Query) ([]resource.ID, string) {
				p, err := typed.Manager().Page(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				var ids []resource.ID
				for _, m := range p.Items {
					ids = append(ids, m.ResourceID)
				}
				return ids, p.Next
			}, typed.From)
			walk(t, size, want, func(q qb.Query) ([]resource.ID, string) {
				p, err := typed.List(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				var ids []resource.ID
				for _, r := range p.Items {
					if r.Err != nil || r.Data.Name != string(r.Meta.ResourceID) {
						t.Errorf("%s is listed as %q, %v", r.Meta.ResourceID, r.Data.Name, r.Err)
					}
					ids = append(ids, r.Meta.ResourceID)
				}
				return ids, p.Next
			}, typed.From)
		}
	})
}

func walk(t *testing.T, size int, want []resource.ID, page func(qb.Query) ([]resource.ID, string), from func(qb.Query, string) (qb.Query, error)) {
	t.Helper()
	var all []resource.ID
	cursor, pages := "", 0
	for {
		q, err := from(byAge.Page(size, 0), cursor)
		if err != nil {
			t.Fatal(err)
		}
		ids, next := page(q)
		all = append(all, ids...)
		if pages++; next == "" {
			break
		}
		if len(ids) != size {
			t.Fatalf("a page of %d that is not the last has %d", size, len(ids))
		}
		cursor = next
	}
	if !slices.Equal(all, want) {
		t.Errorf("pages of %d show\n%q, want\n%q", size, all, want)
	}
	if want := (len(want) + size - 1) / size; pages != want {
		t.Errorf("%d pages of %d, want %d", pages, size, want)
	}
}

func idsFound(t *testing.T, seq func(func(resource.Meta, error) bool)) []resource.ID {
	t.Helper()
	var ids []resource.ID
	for m, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ResourceID)
	}
	return ids
}

func TestPageBounds(t *testing.T) {
	m := people(t, openMemory(t), 3).Manager()
	for limit, want := range map[int]int{0: 0, 1: 1, 3: 3, int(^uint(0) >> 1): 3} {
		p, err := m.Page(t.Context(), byAge.Page(limit, 0))
		if err != nil || len(p.Items) != want || (p.Next != "") != (limit == 1) {
			t.Errorf("a page of %d has %d and the cursor %q: %v", limit, len(p.Items), p.Next, err)
		}
	}
	if p, err := m.Page(t.Context(), byAge); err != nil || len(p.Items) != 3 || p.Next != "" {
		t.Errorf("all have %d and the cursor %q: %v", len(p.Items), p.Next, err)
	}
	if _, err := m.Page(t.Context(), byAge.Page(-1, 0)); err == nil {
		t.Error("a negative limit is taken")
	}
}

// TestCursorsOfElsewhere: a cursor is bound to its store, model and order.
func TestCursorsOfElsewhere(t *testing.T) {
	typed := people(t, openMemory(t), 3)
	p, err := typed.Manager().Page(t.Context(), byAge.Page(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	other := people(t, openMemory(t), 3)
	fault := func(_ qb.Query, err error) qb.Fault {
		refused, ok := errors.AsType[*qb.CursorError](err)
		if !ok {
			t.Fatalf("the error is %v", err)
		}
		return refused.Fault
	}
	if got := fault(other.From(byAge, p.Next)); got != qb.CursorDamaged {
		t.Errorf("another store's cursor: %d", got)
	}
	if got := fault(typed.From(qb.Query{}, p.Next)); got != qb.CursorOtherOrder {
		t.Errorf("another order's cursor: %d", got)
	}
}

// onlyOwn shows users what they have created: searches by a condition, payloads by a look
// at each row.
type onlyOwn struct{}

func (onlyOwn) Handle(context.Context, *manager.Event) error { return nil }

func (onlyOwn) Rows(_ context.Context, e *manager.Event) (manager.Rows, error) {
	user := e.User
	if e.Action != manager.ActionGet {
		return manager.Rows{}, nil
	}
	return manager.Rows{Check: func(_ context.Context, m *resource.Meta) (bool, error) { return m.CreatedBy == user, nil }}, nil
}

// TestPagesShowWhatMayBeSeen: hidden rows take no place in pages.
func TestPagesShowWhatMayBeSeen(t *testing.T) {
	s := openMemory(t)
	people(t, s, 11)
	m, err := s.Catalog.WithHandlers(onlyOwn{}).Using(manager.Scope{User: "bob"}).Open(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	want := idsFound(t, s.open(t, "person").Search(t.Context(), qb.Query{Where: qb.CreatedBy().Eq("bob"), Sort: byAge.Sort}))
	walk(t, 2, want, func(q qb.Query) ([]resource.ID, string) {
		p, err := m.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var ids []resource.ID
		for _, r := range p.Items {
			ids = append(ids, r.Meta.ResourceID)
		}
		return ids, p.Next
	}, m.From)
	if p, err := m.Page(t.Context(), byAge.Page(20, 0)); err != nil || len(p.Items) != 11 {
		t.Errorf("%d metas may be seen: %v", len(p.Items), err)
	}
}

// TestCountByShowsWhatMayBeSeen: hidden rows are not counted, whether a condition or a look
// at each hides them.
func TestCountByShowsWhatMayBeSeen(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		people(t, s, 11)
		own := func(_ context.Context, m *resource.Meta) (bool, error) { return m.CreatedBy == "bob", nil }
		for what, hide := range map[string]manager.Rows{"nothing": {}, "condition": {Where: qb.CreatedBy().Eq("bob")}, "check": {Check: own}} {
			m, err := s.Catalog.WithHandlers(shows(hide)).Open(t.Context(), "person")
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.CountBy(t.Context(), qb.Where(qb.Data("age").Lt(3)), qb.CreatedBy().By(), 0)
			want := qb.Counts{Total: 4, Values: []qb.ValueCount{{Value: "bob", Count: 4}}}
			if what == "nothing" {
				want = qb.Counts{Total: 9, Values: []qb.ValueCount{{Value: "ann", Count: 5}, {Value: "bob", Count: 4}}}
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("hidden by %s: %v\n%s", what, err, diff)
			}
		}
	})
}

// shows hides the same rows of every listing.
type shows manager.Rows

func (shows) Handle(context.Context, *manager.Event) error { return nil }

func (s shows) Rows(context.Context, *manager.Event) (manager.Rows, error) {
	return manager.Rows(s), nil
}
