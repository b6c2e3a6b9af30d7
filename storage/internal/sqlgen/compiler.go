package sqlgen

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/specstar-worker/worker/qb"
)

// maxNodes is how many conditions a statement has. SQLite takes expressions of depth 1,000;
// what is beyond is left to the program.
const maxNodes = 400

// compiler makes SQL of conditions and orders.
type compiler struct {
	dialect Dialect
	args    []any
	nodes   int
	notes   []string
	pattern bool // the database looks for one
}

// arg adds a parameter and returns its placeholder.
func (c *compiler) arg(v any) string {
	c.args = append(c.args, v)
	return mark + strconv.Itoa(len(c.args)-1) + mark
}

// note says once what is left to the program.
func (c *compiler) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(c.notes, text) {
		c.notes = append(c.notes, text)
	}
}

// statement begins one whose parameters are the compiler's.
func (c *compiler) statement(parts ...string) *statement {
	s := &statement{dialect: c.dialect, args: c.args}
	return s.put(parts...)
}

// cond returns the bounds of where a condition is true, with want false of where it is
// false. That is Kleene's logic: a conjunction is false where any part is. A leaf is
// neither where it is unknown.
func (c *compiler) cond(q qb.Cond, want bool) bounds {
	if c.nodes++; c.nodes > maxNodes {
		c.note("conditions beyond the first %d are checked by the program", maxNodes)
		return perhaps(always)
	}
	switch q := q.(type) {
	case nil:
		return exactly(constant(want))
	case qb.And:
		return c.group(q, want, want)
	case qb.Or:
		return c.group(q, !want, want)
	case qb.Not:
		return c.group(q, !want, !want)
	case qb.Comparison:
		return c.attribute(q, want)
	case qb.DataComparison:
		return c.data(q, want)
	case qb.LengthComparison:
		if noColumn(c.dialect, q.Attr()) {
			return c.columnless(q.Attr())
		}
		return c.length(attributeLength{c.dialect, q.Attr()}, q.Test(), "the length of "+string(q.Attr()), want)
	case qb.HasIndexed:
		return exactly(isNull("indexed_data", !want))
	}
	c.note("a condition of type %T is checked by the program", q)
	return perhaps(always)
}

// group returns the bounds of where all conditions are as wanted, or any is.
func (c *compiler) group(conds []qb.Cond, all, want bool) bounds {
	parts := make([]bounds, len(conds))
	for i, q := range conds {
		parts[i] = c.cond(q, want)
	}
	if all {
		return allOf(parts...)
	}
	return anyOf(parts...)
}

func isNull(column string, null bool) string {
	if null {
		return column + " IS NULL"
	}
	return column + " IS NOT NULL"
}

// symbols are the operators that SQL has, too.
var symbols = map[qb.Op]string{
	qb.OpEq: "=", qb.OpNe: "<>", qb.OpGt: ">", qb.OpGte: ">=", qb.OpLt: "<", qb.OpLte: "<=",
}

// opposites are the operators that are true of exactly those values of which others are
// false.
var opposites = map[qb.Op]qb.Op{
	qb.OpEq: qb.OpNe, qb.OpNe: qb.OpEq, qb.OpGt: qb.OpLte, qb.OpLte: qb.OpGt, qb.OpLt: qb.OpGte, qb.OpGte: qb.OpLt,
	qb.OpIn: qb.OpNotIn, qb.OpNotIn: qb.OpIn,
}
