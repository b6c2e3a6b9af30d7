package qb_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// The rows of these tests: a and b by alice, a and c deleted, d of an unknown version.
func rows() []resource.Meta {
	return []resource.Meta{
		{ResourceID: "a", CreatedBy: "alice", IsDeleted: true, SchemaVersion: opt.Of("1")},
		{ResourceID: "b", CreatedBy: "alice", SchemaVersion: opt.Of("1")},
		{ResourceID: "c", CreatedBy: "bob", IsDeleted: true, SchemaVersion: opt.Of("2")},
		{ResourceID: "d", CreatedBy: "bob"},
	}
}

func selected(t *testing.T, q qb.Query) string {
	t.Helper()
	out := ""
	for _, id := range ids(t, qb.Select(all(rows()), q)) {
		out += string(id)
	}
	return out
}

func TestQueriesCombine(t *testing.T) {
	alice, deleted := qb.CreatedBy().Eq("alice"), qb.IsDeleted().IsTrue()
	first := qb.SchemaVersion().Eq("1")
	var none qb.Query
	for name, tc := range map[string]struct {
		q    qb.Query
		want string
	}{
		"and":                       {qb.Where(alice).And(qb.Where(deleted)), "a"},
		"and of three":              {qb.Where(alice).And(qb.Where(deleted), qb.Where(first)), "a"},
		"and nothing":               {qb.Where(alice).And(), "ab"},
		"and without a condition":   {qb.Where(alice).And(none), "ab"},
		"none and":                  {none.And(qb.Where(alice)), "ab"},
		"none and none":             {none.And(none), "abcd"},
		"or":                        {qb.Where(alice).Or(qb.Where(deleted)), "abc"},
		"or without a condition":    {qb.Where(alice).Or(none, qb.Where()), "ab"},
		"none or":                   {none.Or(qb.Where(alice)), "ab"},
		"not":                       {qb.Where(alice, deleted).Not(), "bcd"},
		"not of unknown":            {qb.Where(first).Not(), "c"},
		"not of none":               {none.Not(), ""},
		"not twice":                 {qb.Where(first).Not().Not(), "ab"},
		"filter":                    {qb.Where(alice).Filter(deleted, first), "a"},
		"filter by nothing":         {qb.Where(alice).Filter(), "ab"},
		"exclude":                   {none.Exclude(alice), "cd"},
		"exclude any":               {qb.Where(deleted).Exclude(first, qb.CreatedBy().Eq("carol")), "c"},
		"exclude what is unknown":   {none.Exclude(first), "c"},
		"first":                     {qb.Where(deleted).OrderBy(qb.ResourceID().Desc()).First(), "c"},
		"filter after an or":        {qb.Where(alice).Or(qb.Where(deleted)).Filter(qb.IsDeleted().IsFalse()), "b"},
		"an or that adds a query":   {qb.Where(alice, deleted).Or(qb.Where(first).Not()), "ac"},
		"a page stays under and":    {qb.Where(alice).Page(1, 1).And(qb.Where(first)), "b"},
		"a page stays under not":    {qb.Where(alice).Page(1, 1).Not(), "d"},
		"a page stays under filter": {none.Page(2, 1).Filter(deleted), "c"},
	} {
		if got := selected(t, tc.q); got != tc.want {
			t.Errorf("%s selects %s, want %s", name, got, tc.want)
		}
	}
}

// TestCombinedQueriesKeepOrderAndPage: those of the left query, else of the first
// that has them.
func TestCombinedQueriesKeepOrderAndPage(t *testing.T) {
	down, up := qb.ResourceID().Desc(), qb.CreatedBy().Asc()
	c := qb.Where(qb.IsDeleted().IsTrue())
	at := qb.PositionOf(rows()[2], []qb.Sort{down})
	for name, tc := range map[string]struct {
		left, right qb.Query
		sort        []qb.Sort
		limit       opt.Value[int]
		offset      int
		after       bool
	}{
		"none":            {left: c, right: c},
		"left":            {left: c.OrderBy(down).Page(5, 2), right: c, sort: []qb.Sort{down}, limit: opt.Of(5), offset: 2},
		"right":           {left: c, right: c.OrderBy(down).Page(5, 2), sort: []qb.Sort{down}, limit: opt.Of(5), offset: 2},
		"both":            {left: c.OrderBy(up).Page(1, 0), right: c.OrderBy(down).Page(5, 2), sort: []qb.Sort{up}, limit: opt.Of(1)},
		"order and page":  {left: c.OrderBy(up), right: c.OrderBy(down).Page(5, 2), sort: []qb.Sort{up}, limit: opt.Of(5), offset: 2},
		"limit alone":     {left: c.First(), right: c.Page(5, 2), limit: opt.Of(1)},
		"offset alone":    {left: qb.Query{Offset: 3}, right: c.Page(5, 2), offset: 3},
		"limit of zero":   {left: c.Page(0, 0), right: c.Page(5, 2), limit: opt.Of(0)},
		"position":        {left: c, right: c.OrderBy(down).From(at), sort: []qb.Sort{down}, after: true},
		"position stays":  {left: c.OrderBy(down).From(at), right: c.OrderBy(up), sort: []qb.Sort{down}, after: true},
		"no position":     {left: c.OrderBy(up), right: c.OrderBy(down).From(at), sort: []qb.Sort{up}},
		"default's place": {left: c.From(qb.PositionOf(rows()[0], nil)), right: c.OrderBy(down), after: true},
	} {
		for op, q := range map[string]qb.Query{
			"and": tc.left.And(tc.right), "or": tc.left.Or(tc.right), "third": tc.left.Or(qb.Query{}, tc.right),
		} {
			if !slices.Equal(q.Sort, tc.sort) || q.Limit != tc.limit || q.Offset != tc.offset || q.After.IsSet() != tc.after {
				t.Errorf("%s, %s: %v limit %v offset %d after %v", name, op, q.Sort, q.Limit, q.Offset, q.After.IsSet())
			}
			if err := q.Validate(); err != nil {
				t.Errorf("%s, %s: %v", name, op, err)
			}
		}
	}
}

func TestCombiningDoesNotGrowDeep(t *testing.T) {
	q, c := qb.Where(qb.IsDeleted().IsTrue()), qb.CreatedBy().Eq("alice")
	narrow, wide := q, q
	for range 3 {
		narrow, wide = narrow.Filter(c).And(qb.Where(c)), wide.Or(qb.Where(c).Filter(), qb.Query{Where: qb.Or{c}})
	}
	if n := len(narrow.Where.(qb.And)); n != 7 {
		t.Errorf("the conjunction has %d conditions: %v", n, narrow.Where)
	}
	if n := len(wide.Where.(qb.Or)); n != 7 {
		t.Errorf("the disjunction has %d conditions: %v", n, wide.Where)
	}
	if got := selected(t, narrow) + " " + selected(t, wide); got != "a abc" {
		t.Errorf("selected %s", got)
	}
}

// TestCombiningChangesNoOperand: conditions are shared, lists of them are not.
func TestCombiningChangesNoOperand(t *testing.T) {
	base := qb.Where(qb.IsDeleted().IsTrue())
	one := base.Filter(qb.CreatedBy().Eq("alice"))
	two := base.Filter(qb.CreatedBy().Eq("bob"))
	conds := []qb.Cond{qb.CreatedBy().Eq("alice")}
	three := qb.Where(conds...)
	conds[0] = qb.CreatedBy().Eq("bob")
	if got := selected(t, base) + " " + selected(t, one) + " " + selected(t, two) + " " + selected(t, three); got != "ac a c ab" {
		t.Errorf("selected %s", got)
	}
}

func TestNumberedPages(t *testing.T) {
	for _, tc := range []struct{ number, size, limit, offset int }{
		{1, 20, 20, 0}, {3, 20, 20, 40}, {1, math.MaxInt, math.MaxInt, 0}, {math.MaxInt, 1, 1, math.MaxInt - 1},
	} {
		q, err := qb.Where(qb.IsDeleted().IsTrue()).NumberedPage(tc.number, tc.size)
		if err != nil || q.Limit != opt.Of(tc.limit) || q.Offset != tc.offset || q.Where == nil {
			t.Errorf("page %d of %d is %+v, %v", tc.number, tc.size, q, err)
		}
	}
	for _, tc := range [][2]int{{0, 20}, {-1, 20}, {1, 0}, {1, -5}, {3, math.MaxInt}, {math.MaxInt, 2}} {
		if q, err := (qb.Query{}).NumberedPage(tc[0], tc[1]); err == nil {
			t.Errorf("page %v is %+v", tc, q)
		}
	}
}

func TestSortsByName(t *testing.T) {
	got := qb.SortBy("-created_time", "+resource_id", "age", "-a.b", "rev_status", "--x", "-")
	want := []qb.Sort{
		qb.CreatedTime().Desc(), qb.ResourceID().Asc(), qb.Data("age").Asc(), qb.Data("a.b").Desc(), qb.RevStatus().Asc(),
		qb.Data("-x").Desc(), qb.Data("").Desc(),
	}
	if !slices.Equal(got, want) {
		t.Errorf("sorts %v, want %v", got, want)
	}
}

func TestQueriesAreShown(t *testing.T) {
	q := qb.Where(qb.Data("a").Eq("x"), qb.Not{qb.HasIndexed{}}, qb.Or{qb.CreatedBy().Len().Gt(3), qb.IsDeleted().IsTrue()})
	for want, v := range map[string]any{
		`data.a = 'x' and not data exists and (length(created_by) > 3 or is_deleted = true)`: q,
		`true`: qb.Query{},
		`true sort created_by, -data.a after "c" limit 3 offset 2`: qb.Query{}.OrderBy(qb.SortBy("created_by", "-a")...).
			From(qb.PositionOf(rows()[2], qb.SortBy("created_by", "-a"))).Page(3, 2),
		`[-rev_status]`:  []qb.Sort{qb.RevStatus().Desc()},
		`data exists`:    qb.HasIndexed{},
		`not false`:      qb.Not{qb.Or{}},
		`data.a is null`: qb.Data("a").IsNull(true),
	} {
		if got := fmt.Sprint(v); got != want {
			t.Errorf("shown as %s, want %s", got, want)
		}
	}
}
