package sqlgen_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// numbered are metas in the order of their ids, with a value each.
func numbered(t *testing.T, n int, value func(i int) any) []resource.Meta {
	t.Helper()
	metas := make([]resource.Meta, n)
	for i := range metas {
		x, err := resource.NewIndexed(map[string]any{"a": value(i)})
		if err != nil {
			t.Fatal(err)
		}
		metas[i] = resource.Meta{ResourceID: resource.ID(fmt.Sprintf("%06d", i)), IndexedData: opt.Of(x)}
	}
	return metas
}

// reads answers statements by a table's rows in their order, and writes down how many
// rows each gave.
type reads struct {
	rows  []resource.Meta
	given []int
	fail  error // behind the rows
}

func (r *reads) read(_ string, args []any) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		r.given = append(r.given, 0)
		for i, m := range r.rows {
			if n := len(args); n > 0 {
				if limit, ok := args[n-1].(int64); ok && int64(i) >= limit {
					return
				}
			}
			r.given[len(r.given)-1]++
			if !yield(m, nil) {
				return
			}
		}
		if r.fail != nil {
			yield(resource.Meta{}, r.fail)
		}
	}
}

func answer(t *testing.T, r *reads, q qb.Query) ([]string, sqlgen.Plan, error) {
	t.Helper()
	p, err := sqlgen.Compile(sqlgen.PostgreSQL, "t", "data", q)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for m, err := range p.Run(q, r.read) {
		if err != nil {
			return ids, p, err
		}
		ids = append(ids, string(m.ResourceID))
	}
	return ids, p, nil
}

// TestPagesThatTheProgramFills read few rows when these are enough, and go on to more.
func TestPagesThatTheProgramFills(t *testing.T) {
	metas := numbered(t, 5000, func(i int) any { return map[string]any{"n": i} })
	for _, c := range []struct {
		name  string
		q     qb.Query
		given []int
	}{
		{"all rows match", qb.Where(qb.Data("a").Contains("n")).Page(10, 5), []int{15}},
		{"few rows match", qb.Where(qb.Data("a").Contains("777")).Page(3, 0), []int{67, 536, 2778}},
		{"too few rows match", qb.Where(qb.Data("a").Contains("777")).Page(100, 0), []int{189, 1512, 5000}},
		{"no limit", qb.Where(qb.Data("a").Contains("777")), []int{5000}},
		{"nothing is asked for", qb.Where(qb.Data("a").Contains("n")).Page(0, 5), []int{}},
	} {
		r := &reads{rows: metas}
		got, _, err := answer(t, r, c.q)
		if err != nil {
			t.Fatal(err)
		}
		if want := reference(t, metas, c.q); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
		if !slices.Equal(r.given, c.given) {
			t.Errorf("%s: statements gave %d rows, want %d", c.name, r.given, c.given)
		}
	}
}

// TestRunsAreSorted among themselves, also where a page ends within one and where the rows
// that were read do.
func TestRunsAreSorted(t *testing.T) {
	values := func(i int) any {
		switch {
		case i < 100:
			return i / 10 // many equal ones that need not be sorted
		case i < 400:
			return []any{1000 - i}
		}
		return map[string]any{}
	}
	metas := numbered(t, 600, values)
	for _, page := range []struct {
		limit, offset int
		given         []int
	}{
		{10, 0, []int{11}}, {10, 95, []int{195, 401}}, {1, 399, []int{401}}, {300, 100, []int{401}}, {50, 450, []int{501}}, {1000, 0, []int{600}}, {20_000, 0, []int{600}},
	} {
		r := &reads{rows: metas}
		q := qb.Query{Sort: []qb.Sort{qb.Data("a").Asc()}}.Page(page.limit, page.offset)
		got, p, err := answer(t, r, q)
		if err != nil || p.Order != sqlgen.OrderRuns {
			t.Fatal(p.Order, err)
		}
		if want := reference(t, metas, q); !slices.Equal(got, want) {
			t.Errorf("%+v: got %q, want %q", page, got, want)
		}
		if !slices.Equal(r.given, page.given) {
			t.Errorf("%+v: statements gave %d rows, want %d", page, r.given, page.given)
		}
	}
}

// TestOrdersWithoutAColumn are made by the program, within runs where keys before it have
// one.
func TestOrdersWithoutAColumn(t *testing.T) {
	metas := numbered(t, 40, func(i int) any { return i / 10 })
	for i := range metas {
		metas[i].TotalRevisionCount, metas[i].CreatedBy = (i*7)%40, fmt.Sprint(i/10)
	}
	for _, c := range []struct {
		sorts []qb.Sort
		order sqlgen.Order
	}{
		{[]qb.Sort{qb.TotalRevisionCount().Asc()}, sqlgen.OrderMemory},
		{[]qb.Sort{qb.CreatedBy().Asc(), qb.TotalRevisionCount().Desc()}, sqlgen.OrderRuns},
		{[]qb.Sort{qb.Data("a").Asc(), qb.TotalRevisionCount().Desc(), qb.UpdatedBy().Asc()}, sqlgen.OrderRuns},
	} {
		q := qb.Query{Sort: c.sorts}.Page(7, 9)
		got, p, err := answer(t, &reads{rows: metas}, q)
		if err != nil || p.Order != c.order {
			t.Errorf("%v is ordered by %s: %v", c.sorts, p.Order, err)
		}
		if want := reference(t, metas, q); !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", c.sorts, got, want)
		}
	}
}

// TestErrorsOfRowsComeLast and once.
func TestErrorsOfRowsComeLast(t *testing.T) {
	failed := errors.New("the server is gone")
	metas := numbered(t, 5, func(i int) any { return []any{-i} })
	for _, q := range []qb.Query{
		{Sort: []qb.Sort{qb.Data("a").Asc()}},
		qb.Query{Sort: []qb.Sort{qb.Data("a").Asc()}}.Page(100, 0),
		{},
		qb.Where(qb.Data("a").Contains("x")).Page(3, 0),
	} {
		want := reference(t, metas, q)
		got, _, err := answer(t, &reads{rows: metas, fail: failed}, q)
		if !errors.Is(err, failed) || !slices.Equal(got, want) {
			t.Errorf("%v: %q, %v", q, got, err)
		}
	}
}
