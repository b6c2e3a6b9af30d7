package check

import (
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// shrink returns fewer metas and a shorter query of which the answer still differs.
func (a asking) shrink(metas []resource.Meta, q qb.Query) ([]resource.Meta, qb.Query) {
	q = a.shorter(metas, q)
	for i := 0; i < len(metas) && len(metas) > 1; {
		fewer := slices.Delete(slices.Clone(metas), i, i+1)
		a.store(fewer)
		if a.differs(fewer, q) == "" {
			i++
			continue
		}
		metas = fewer
	}
	a.store(metas)
	return metas, a.shorter(metas, q)
}

// shorter takes parts off a query as long as its answer differs.
func (a asking) shorter(metas []resource.Meta, q qb.Query) qb.Query {
	for {
		i := slices.IndexFunc(parts(q), func(part qb.Query) bool { return a.differs(metas, part) != "" })
		if i < 0 {
			return q
		}
		q = parts(q)[i]
	}
}

// parts are queries that lack a part of q each.
func parts(q qb.Query) []qb.Query {
	var all []qb.Query
	less := func(take func(*qb.Query)) {
		part := q
		take(&part)
		all = append(all, part)
	}
	if q.Limit.IsSet() {
		less(func(p *qb.Query) { p.Limit = opt.Value[int]{} })
	}
	if q.After.IsSet() {
		less(func(p *qb.Query) { p.After = opt.Value[qb.Position]{} })
	}
	if q.Offset > 0 {
		less(func(p *qb.Query) { p.Offset = 0 })
	}
	for i := range q.Sort { // the order of a position is that of its query
		if !q.After.IsSet() {
			less(func(p *qb.Query) { p.Sort = slices.Delete(slices.Clone(q.Sort), i, i+1) })
		}
	}
	for _, c := range condParts(q.Where) {
		less(func(p *qb.Query) { p.Where = c })
	}
	return all
}

// condParts are the conditions of a group, and groups without one of them each; a
// condition alone has nothing as its part.
func condParts(c qb.Cond) []qb.Cond {
	switch c := c.(type) {
	case nil:
		return nil
	case qb.And:
		return groupParts(c, func(g []qb.Cond) qb.Cond { return qb.And(g) })
	case qb.Or:
		return groupParts(c, func(g []qb.Cond) qb.Cond { return qb.Or(g) })
	case qb.Not:
		return groupParts(c, func(g []qb.Cond) qb.Cond { return qb.Not(g) })
	}
	return []qb.Cond{nil}
}

func groupParts(group []qb.Cond, of func([]qb.Cond) qb.Cond) []qb.Cond {
	all := append([]qb.Cond{nil}, group...)
	for i, c := range group {
		all = append(all, of(slices.Delete(slices.Clone(group), i, i+1)))
		for _, part := range condParts(c) {
			if part != nil {
				all = append(all, of(slices.Replace(slices.Clone(group), i, i+1, part)))
			}
		}
	}
	return all
}
