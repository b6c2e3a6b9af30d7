package qb

import (
	"fmt"
	"math"
	"slices"

	"github.com/specstar-worker/worker/opt"
)

// And returns the query for what this one and all others select. A query without
// a condition adds none. Order and page stay; what this query does not have is
// taken from the first of the others that has it: the order together with the
// position in it, the limit together with the offset.
func (q Query) And(others ...Query) Query {
	return q.with(others, func(conds []Cond) Cond { return joined[And](conds) })
}

// Or returns the query for what this one or any of the others selects, as the
// original's | does: a query without a condition is left out, it does not add
// everything. Order and page are as those of [Query.And].
func (q Query) Or(others ...Query) Query {
	return q.with(others, func(conds []Cond) Cond { return joined[Or](conds) })
}

// Not returns the query for what this one does not select, and what is not unknown
// to it, in the same order and page. Where there is no condition nothing is left.
func (q Query) Not() Query {
	q.Where = Not{q.Where}
	return q
}

// Filter returns the query for what fulfils the conditions, too.
func (q Query) Filter(conds ...Cond) Query { return q.narrowed(conds) }

// Exclude returns the query without what fulfils any of the conditions. What one
// of them is unknown of is left out as well, as everywhere under [Not].
func (q Query) Exclude(conds ...Cond) Query {
	nots := make([]Cond, len(conds))
	for i, c := range conds {
		nots[i] = Not{c}
	}
	return q.narrowed(nots)
}

// First returns the query for the first meta only.
func (q Query) First() Query {
	q.Limit = opt.Of(1)
	return q
}

// NumberedPage returns the query for a page of size metas. The first page is 1,
// as in the original; a number or size below 1, and a page beyond the range of
// int, are refused.
func (q Query) NumberedPage(number, size int) (Query, error) {
	if number < 1 || size < 1 || number-1 > math.MaxInt/size {
		return Query{}, fmt.Errorf("there is no page %d of %d rows", number, size)
	}
	return q.Page(size, (number-1)*size), nil
}

// narrowed adds conditions to that of the query, without changing its list.
func (q Query) narrowed(conds []Cond) Query {
	switch {
	case len(conds) == 0:
	case q.Where == nil:
		q.Where = And(slices.Clone(conds))
	default:
		q.Where = append(joined[And]([]Cond{q.Where}), conds...)
	}
	return q
}

// with returns the query with the group of all conditions, and with order and page
// of the first that has them.
func (q Query) with(others []Query, group func([]Cond) Cond) Query {
	var conds []Cond
	for _, each := range append([]Query{q}, others...) {
		if each.Where != nil {
			conds = append(conds, each.Where)
		}
		if len(q.Sort) == 0 && !q.After.IsSet() {
			q.Sort, q.After = each.Sort, each.After
		}
		if !q.Limit.IsSet() && q.Offset == 0 {
			q.Limit, q.Offset = each.Limit, each.Offset
		}
	}
	switch len(conds) {
	case 0:
		q.Where = nil
	case 1:
		q.Where = conds[0]
	default:
		q.Where = group(conds)
	}
	return q
}

// joined returns a group of conditions with those of its kind opened, so that
// queries that are combined again and again do not grow deep.
func joined[G And | Or](conds []Cond) G {
	var group G
	for _, c := range conds {
		if inner, ok := c.(G); ok {
			group = append(group, inner...)
		} else {
			group = append(group, c)
		}
	}
	return group
}
