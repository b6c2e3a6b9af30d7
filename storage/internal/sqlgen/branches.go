package sqlgen

import (
	"slices"
	"strings"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// maxBranchRows is up to how many rows a branch may give.
const maxBranchRows = 2000

// branches puts a page together of the first rows of its parts, each of which an index has in the
// order asked for, while no database reads them so together: of each status, as every model has
// indexes that have metas of one status by their rev_created_time, and of what is behind a position
// with a value and without. It is nil where that is not what is asked for.
func (c *compiler) branches(table, columns string, q qb.Query, behind []bounds, order []string) *statement {
	limit, limited := q.Limit.Get()
	end := limit + q.Offset
	wheres := byStatus(q)
	if !limited || limit < 0 || end < 1 || end > maxBranchRows || len(wheres)*len(behind) < 2 {
		return nil
	}
	columnsAndKeys := withKeys(columns, q.Sort)
	by := " ORDER BY " + strings.Join(order, ", ")
	s := c.statement("SELECT ", columns, " FROM (")
	for i, part := range parts(wheres, behind) {
		where := allOf(c.cond(part.where, true), part.behind)
		if !where.exact() {
			return nil
		}
		s.args = c.args
		if i > 0 {
			s.put(" UNION ALL ")
		}
		s.put("SELECT * FROM (SELECT ", columnsAndKeys, " FROM ", quote(table)).where(where.may).put(by, " LIMIT ", s.arg(int64(end)), ") AS of_one")
		c.args = s.args
	}
	return s.put(") AS of_all", by)
}

// part is a condition, and what of it is behind a position.
type part struct {
	where  qb.Cond
	behind bounds
}

func parts(wheres []qb.Cond, behind []bounds) []part {
	var all []part
	for _, w := range wheres {
		for _, b := range behind {
			all = append(all, part{w, b})
		}
	}
	return all
}

// byStatus is the condition of a query, in an order by rev_created_time one for each status.
func byStatus(q qb.Query) []qb.Cond {
	statuses := statusesOf(q.Where)
	if len(statuses) < 2 || !byRevCreatedTime(q.Sort) {
		return []qb.Cond{q.Where}
	}
	wheres := make([]qb.Cond, len(statuses))
	for i, status := range statuses {
		wheres[i] = withStatus(q.Where, status)
	}
	return wheres
}

// withKeys adds the columns of an order to others.
func withKeys(columns string, sorts []qb.Sort) string {
	all := strings.Split(columns, ", ")
	for _, s := range append(slices.Clone(sorts), qb.ResourceID().Asc()) {
		if a, ok := s.Attr(); ok && !slices.Contains(all, string(a)) {
			all = append(all, string(a))
		}
	}
	return strings.Join(all, ", ")
}

// byRevCreatedTime reports whether an order is by rev_created_time, and then by id alone.
func byRevCreatedTime(sorts []qb.Sort) bool {
	if len(sorts) == 0 || len(sorts) > 2 {
		return false
	}
	first, _ := sorts[0].Attr()
	last, _ := sorts[len(sorts)-1].Attr()
	return first == qb.AttrRevCreatedTime && sorts[0].Descending() == sorts[len(sorts)-1].Descending() &&
		(len(sorts) == 1 || last == qb.AttrResourceID)
}

// statusesOf returns the statuses of which a meta must have one, nil where nothing says so
// by a list.
func statusesOf(c qb.Cond) []string {
	switch c := c.(type) {
	case qb.And:
		for _, sub := range c {
			if found := statusesOf(sub); found != nil {
				return found
			}
		}
	case qb.Comparison:
		if !isStatusList(c) {
			return nil
		}
		var found []string
		for _, v := range c.Values() {
			if s, ok := v.(string); ok && !slices.Contains(found, s) {
				found = append(found, s)
			}
		}
		if len(found) <= 4 { // there are two; others match nothing
			return found
		}
	}
	return nil
}

func isStatusList(c qb.Comparison) bool { return c.Attr() == qb.AttrRevStatus && c.Op() == qb.OpIn }

// withStatus has the first list of statuses replaced by one of them.
func withStatus(c qb.Cond, status string) qb.Cond {
	one := qb.RevStatus().Eq(resource.Status(status))
	and, ok := c.(qb.And)
	if !ok {
		return one
	}
	at := slices.IndexFunc(and, func(sub qb.Cond) bool { return statusesOf(sub) != nil })
	and = slices.Clone(and)
	and[at] = withStatus(and[at], status)
	return and
}
