package sqlgen

import (
	"slices"
	"strings"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// maxBranchRows is up to how many rows a branch may give.
const maxBranchRows = 2000

// branches puts a page together of the first rows of each status: every model has indexes
// that have metas of one status by their rev_created_time, but no database reads them for
// several statuses without a sort of all that match. It is nil where that is not what is
// asked for.
func (c *compiler) branches(table, columns string, q qb.Query, behind bounds, order []string) *statement {
	limit, limited := q.Limit.Get()
	end := limit + q.Offset
	statuses := statusesOf(q.Where)
	if !limited || limit < 0 || end < 1 || end > maxBranchRows || len(statuses) < 2 || !byRevCreatedTime(q.Sort) {
		return nil
	}
	inner := columns
	for _, name := range []string{string(qb.AttrRevCreatedTime), string(qb.AttrResourceID)} {
		if !slices.Contains(strings.Split(columns, ", "), name) {
			inner += ", " + name
		}
	}
	by := " ORDER BY " + strings.Join(order, ", ")
	s := c.statement("SELECT ", columns, " FROM (")
	for i, status := range statuses {
		where := allOf(c.cond(withStatus(q.Where, status), true), behind)
		if !where.exact() {
			return nil
		}
		s.args = c.args
		if i > 0 {
			s.put(" UNION ALL ")
		}
		s.put("SELECT * FROM (SELECT ", inner, " FROM ", quote(table)).where(where.may).put(by, " LIMIT ", s.arg(int64(end)), ") AS of_one")
		c.args = s.args
	}
	return s.put(") AS of_all", by)
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
