package check

import (
	"math"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// query draws a condition, an order and a page.
func (d *drawing) query() qb.Query {
	var q qb.Query
	if d.src.IntN(10) > 0 {
		q.Where = d.cond(pick(d.src, []int{0, 0, 1, 1, 2, 4}))
	}
	for range d.src.IntN(4) {
		q.Sort = append(q.Sort, d.sort())
	}
	if flip(d.src) {
		q.Limit = opt.Of(pick(d.src, []int{0, 1, 2, 3, len(d.metas), math.MaxInt}))
	}
	if flip(d.src) {
		q.Offset = pick(d.src, []int{0, 1, 2, 5, len(d.metas), math.MaxInt32})
	}
	if d.src.IntN(6) == 0 {
		q = q.From(qb.PositionOf(pick(d.src, d.metas), q.Sort))
	}
	return q
}

func (d *drawing) sort() qb.Sort {
	if flip(d.src) {
		f := qb.Data(d.path())
		return pick(d.src, []qb.Sort{f.Asc(), f.Desc()})
	}
	return pick(d.src, []qb.Sort{
		qb.ResourceID().Asc(), qb.ResourceID().Desc(), qb.CurrentRevisionID().Asc(), qb.CurrentRevisionID().Desc(),
		qb.SchemaVersion().Asc(), qb.SchemaVersion().Desc(), qb.TotalRevisionCount().Asc(), qb.TotalRevisionCount().Desc(),
		qb.CreatedTime().Asc(), qb.CreatedTime().Desc(), qb.UpdatedTime().Asc(), qb.UpdatedTime().Desc(),
		qb.CreatedBy().Asc(), qb.CreatedBy().Desc(), qb.UpdatedBy().Asc(), qb.UpdatedBy().Desc(), qb.IsDeleted().Asc(), qb.IsDeleted().Desc(),
		qb.RevStatus().Asc(), qb.RevStatus().Desc(), qb.RevCreatedBy().Asc(), qb.RevCreatedBy().Desc(), qb.RevUpdatedBy().Asc(), qb.RevUpdatedBy().Desc(),
		qb.RevCreatedTime().Asc(), qb.RevCreatedTime().Desc(), qb.RevUpdatedTime().Asc(), qb.RevUpdatedTime().Desc(),
	})
}

// cond draws a condition of groups up to a depth.
func (d *drawing) cond(depth int) qb.Cond {
	if depth > 0 && d.src.IntN(4) > 0 {
		group := generated(pick(d.src, []int{0, 1, 2, 2, 2, 3, 3, 3}), func() qb.Cond { return d.cond(depth - 1) })
		return pick(d.src, []qb.Cond{qb.And(group), qb.Or(group), qb.Not(group)})
	}
	switch d.src.IntN(10) {
	case 0:
		return d.textCond(pick(d.src, []qb.TextField[string]{
			qb.CreatedBy(), qb.UpdatedBy(), qb.SchemaVersion(), qb.RevCreatedBy(), qb.RevUpdatedBy(),
		}))
	case 1:
		return d.idCond()
	case 2:
		f := pick(d.src, []qb.TimeField{qb.CreatedTime(), qb.UpdatedTime(), qb.RevCreatedTime(), qb.RevUpdatedTime()})
		if d.src.IntN(8) == 0 {
			return f.Between(pick(d.src, d.times), pick(d.src, d.times))
		}
		return fieldCond(d.src, f.Field, func() time.Time { return pick(d.src, append(d.times[:len(d.times):len(d.times)], d.newTime())) })
	case 3:
		if flip(d.src) {
			return d.wireCond()
		}
		return pick(d.src, []qb.Cond{
			qb.HasIndexed{},
			nil,
			fieldCond(d.src, qb.IsDeleted().Field, func() bool { return flip(d.src) }),
			fieldCond(d.src, qb.TotalRevisionCount(), func() int { return d.src.IntN(15) - 1 }),
			fieldCond(d.src, qb.RevStatus().Field, func() resource.Status {
				return pick(d.src, []resource.Status{resource.Draft, resource.Stable, "", "other"})
			}),
		})
	}
	return d.dataCond(qb.Data(d.path()))
}

func (d *drawing) idCond() qb.Cond {
	m := pick(d.src, append(d.metas[:len(d.metas):len(d.metas)], resource.Meta{ResourceID: "a", CurrentRevisionID: "a:1:1"}))
	if flip(d.src) {
		return pick(d.src, []qb.Cond{partCond(d, qb.ResourceID()), fieldCond(d.src, qb.ResourceID().Field, func() resource.ID { return m.ResourceID })})
	}
	return pick(d.src, []qb.Cond{partCond(d, qb.CurrentRevisionID()), fieldCond(d.src, qb.CurrentRevisionID().Field, func() resource.RevisionID { return m.CurrentRevisionID })})
}

func (d *drawing) textCond(f qb.TextField[string]) qb.Cond {
	switch d.src.IntN(9) {
	case 0, 1, 2:
		return partCond(d, f)
	case 3:
		return d.lengthCond(f.Len())
	}
	return fieldCond(d.src, f.Field, func() string { return pick(d.src, []string{pick(d.src, d.texts), pick(d.src, d.texts), d.part()}) })
}

// partCond draws a condition on a part of a text.
func partCond[V string | resource.ID | resource.RevisionID](d *drawing, f qb.TextField[V]) qb.Cond {
	part := d.part()
	return pick(d.src, []qb.Cond{f.Contains(part), f.StartsWith(part), f.EndsWith(part), f.Matches(d.pattern()), f.IContains(part), f.Like(part), f.IsBlank()})
}

// fieldCond draws a comparison of an attribute.
func fieldCond[V string | resource.ID | resource.RevisionID | resource.Status | int | bool | time.Time](src Source, f qb.Field[V], draw func() V) qb.Cond {
	v, is := draw(), flip(src)
	return pick(src, []qb.Cond{
		f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v), f.In(generated(src.IntN(4), draw)...), f.NotIn(generated(src.IntN(4), draw)...),
		f.IsNull(is), f.IsNA(is), f.Exists(is),
	})
}

// dataCond draws a condition on a value of the indexed data, or on its length.
func (d *drawing) dataCond(f qb.DataField) qb.Cond {
	is, v := flip(d.src), d.operand()
	switch d.src.IntN(20) {
	case 11:
		return d.lengthCond(f.Len())
	case 0:
		return f.Contains(qb.Flags(1 + d.src.IntN(6)))
	case 12:
		return pick(d.src, []qb.Cond{f.IContains(d.part()), f.IEndsWith(d.part()), f.Like(d.part()), f.IsTruthy(), f.IsBlank(), f.IsEmpty()})
	case 1:
		return pick(d.src, []qb.Cond{f.Eq(qb.Flags(1)), f.Contains(qb.Flags(1 << 60)), f.Contains(qb.Flags(0))})
	case 2, 3:
		return f.Matches(d.pattern())
	case 4, 5:
		return pick(d.src, []qb.Cond{f.Contains(d.part()), f.StartsWith(d.part()), f.EndsWith(d.part())})
	case 6, 7:
		return pick(d.src, []qb.Cond{f.IsNull(is), f.IsNA(is), f.Exists(is)})
	case 8, 9:
		return pick(d.src, []qb.Cond{f.In(generated(d.src.IntN(4), d.operand)...), f.NotIn(generated(d.src.IntN(4), d.operand)...)})
	case 10:
		return pick(d.src, []qb.Cond{f.Contains(v), f.StartsWith(v), f.EndsWith(v)})
	}
	return pick(d.src, []qb.Cond{f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v)})
}

func (d *drawing) lengthCond(f qb.LengthField) qb.Cond {
	n, m := d.src.IntN(6), d.src.IntN(3)
	return pick(d.src, []qb.Cond{f.Eq(n), f.Ne(n), f.Gt(n), f.Gte(n), f.Lt(n), f.Lte(n), f.In(n, m), f.NotIn(n, m), f.In()})
}
