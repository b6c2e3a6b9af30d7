package qb

import (
	"fmt"
	"iter"
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Query selects metas of one model. The zero value selects all, deleted ones
// too, by ascending resource id.
type Query struct {
	// Where is what a meta must fulfil; nil selects all.
	Where Cond
	// Sort orders the result, see [Compare].
	Sort []Sort
	// After, when set, leaves out what does not come behind a place in the order,
	// which must be that of Sort. Offset counts from there.
	After opt.Value[Position]
	// Limit is how many metas are returned at most: unset all, 0 none.
	Limit opt.Value[int]
	// Offset is how many metas are skipped before.
	Offset int
}

// Where returns a query for the metas that fulfil all conditions; without any it
// has none.
func Where(conds ...Cond) Query { return Query{}.Filter(conds...) }

// OrderBy returns the query with the given order.
func (q Query) OrderBy(sorts ...Sort) Query {
	q.Sort = sorts
	return q
}

// Page returns the query for at most limit metas behind the first offset ones,
// see [Query.NumberedPage] for pages that are counted.
func (q Query) Page(limit, offset int) Query {
	q.Limit, q.Offset = opt.Of(limit), offset
	return q
}

// From returns the query for what comes behind a position.
func (q Query) From(p Position) Query {
	q.After = opt.Of(p)
	return q
}

// Validate reports a negative limit or offset, and a position of another order, as a
// *[CursorError]. Stores call it first.
func (q Query) Validate() error {
	if n, ok := q.Limit.Get(); ok && n < 0 {
		return fmt.Errorf("limit %d is negative", n)
	}
	if q.Offset < 0 {
		return fmt.Errorf("offset %d is negative", q.Offset)
	}
	if p, ok := q.After.Get(); ok {
		return p.check(q.Sort)
	}
	return nil
}

// Match reports whether the condition is true of m; a nil condition is.
func Match(m resource.Meta, c Cond) bool { return eval(c, &m) == yes }

// Select runs the query over metas in any order, for stores that have no query
// engine. It holds the selected metas in memory, but never more than twice
// Offset+Limit of them. An error of metas is yielded once, last.
func Select(metas iter.Seq2[resource.Meta, error], q Query) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		page, err := collect(metas, q)
		if err != nil {
			yield(resource.Meta{}, err)
			return
		}
		for _, m := range page {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// collect returns the page that q selects.
func collect(metas iter.Seq2[resource.Meta, error], q Query) ([]resource.Meta, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	limit, limited := q.Limit.Get()
	if limited && limit == 0 {
		return nil, nil
	}
	end := q.Offset + limit
	limited = limited && end > 0 // the sum may overflow
	after, behind := q.After.Get()
	order := func(a, b resource.Meta) int { return Compare(a, b, q.Sort) }
	var found []resource.Meta
	for m, err := range metas {
		if err != nil {
			return nil, err
		}
		if behind && !after.Passes(m) || !Match(m, q.Where) {
			continue
		}
		found = append(found, m)
		if limited && len(found)/2 >= end {
			slices.SortFunc(found, order)
			clear(found[end:])
			found = found[:end]
		}
	}
	slices.SortFunc(found, order)
	if limited {
		found = found[:min(end, len(found))]
	}
	return found[min(q.Offset, len(found)):], nil
}
