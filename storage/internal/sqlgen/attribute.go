package sqlgen

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// attribute returns the bounds of a condition on a column.
func (c *compiler) attribute(q qb.Comparison, want bool) bounds {
	op, a := q.Op(), q.Attr()
	switch op {
	case qb.OpExists:
		return exactly(constant(q.Flag() == want))
	case qb.OpIsNull, qb.OpIsNA:
		if neverNull[a] || noColumn(c.dialect, a) {
			return exactly(constant(q.Flag() != want))
		}
		return exactly(isNull(string(a), q.Flag() == want))
	}
	if noColumn(c.dialect, a) {
		return c.columnless(a)
	}
	column := c.column(a)
	switch op {
	case qb.OpRegex:
		return c.regex(column, q.Pattern(), string(a), want)
	case qb.OpContains, qb.OpStartsWith, qb.OpEndsWith:
		return c.textPart(column, op, q.Values()[0].(string), want)
	}
	if !want {
		op = opposites[op]
	}
	if op == qb.OpIn || op == qb.OpNotIn {
		return c.list(column, a, op, q.Values())
	}
	return c.compared(column, op, q.Values()[0])
}

// noColumn reports whether the layout has no column for an attribute.
func noColumn(d Dialect, a qb.Attr) bool {
	return d == PostgreSQL && (a == qb.AttrTotalRevisionCount || a == qb.AttrCurrentRevisionID)
}

func (c *compiler) columnless(a qb.Attr) bounds {
	c.note("%s has no column: conditions on it are checked by the program", a)
	return perhaps(always)
}

// neverNull has the attributes whose columns are never NULL.
var neverNull = map[qb.Attr]bool{
	qb.AttrResourceID: true, qb.AttrCreatedTime: true, qb.AttrUpdatedTime: true, qb.AttrCreatedBy: true, qb.AttrUpdatedBy: true,
	qb.AttrIsDeleted: true, qb.AttrTotalRevisionCount: true, qb.AttrCurrentRevisionID: true,
}

// column returns the SQL of an attribute that has a column.
func (c *compiler) column(a qb.Attr) string {
	if c.dialect == PostgreSQL && a.Kind() == qb.KindText {
		return string(a) + ` COLLATE "C"`
	}
	return string(a)
}

// compared writes a comparison with one value.
func (c *compiler) compared(column string, op qb.Op, v any) bounds {
	text, isText := v.(string)
	if !isText || c.dialect == SQLite {
		return exactly(column + " " + symbols[op] + " " + c.operand(v))
	}
	if !utf8.ValidString(text) && op != qb.OpEq && op != qb.OpNe {
		c.note("order with a text that is not UTF-8 is checked by the program")
		return perhaps(always)
	}
	text, op = storable(text, op)
	switch {
	case op == qb.OpEq && !fits(text):
		return exactly(never)
	case op == qb.OpNe && !fits(text):
		return exactly(isSome(column))
	}
	return exactly(column + " " + symbols[op] + " " + c.arg(text))
}

// storable returns the comparison that texts without NUL fulfil when they fulfil the
// given one. What is above a text with a NUL is above what is before that.
func storable(text string, op qb.Op) (string, qb.Op) {
	before, _, found := strings.Cut(text, "\x00")
	if !found {
		return text, op
	}
	switch op {
	case qb.OpGt, qb.OpGte:
		return before, qb.OpGt
	case qb.OpLt, qb.OpLte:
		return before, qb.OpLte
	}
	return text, op
}

// fits reports whether PostgreSQL can hold a text.
func fits(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}

// isSome is true of what is not NULL.
func isSome(column string) string { return isNull(strings.TrimSuffix(column, ` COLLATE "C"`), false) }

// operand adds a value of a condition in the form that its column holds.
func (c *compiler) operand(v any) string {
	switch v := v.(type) {
	case time.Time:
		if c.dialect == SQLite {
			return c.arg(v.UnixMicro())
		}
		at := c.arg(v.UTC().Truncate(time.Microsecond))
		if resource.IsNaive(v) {
			return at + "::timestamp" // taken as it is, as the original has it
		}
		return at + "::timestamptz"
	case bool:
		if c.dialect == SQLite {
			return c.arg(boolInt(v))
		}
	}
	return c.arg(v)
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// list writes IN and NOT IN. With an empty list they are false and true of a value, and
// unknown of NULL.
func (c *compiler) list(column string, a qb.Attr, op qb.Op, values []any) bounds {
	if c.dialect == PostgreSQL && a.Kind() == qb.KindText {
		return c.textList(column, op, values)
	}
	return exactly(c.in(column, op == qb.OpIn, values, c.operand))
}

// manyValues are so many that they are one parameter in SQLite, which is slow with numbered
// ones and takes 32,766 of them.
const manyValues = 32

// in writes IN or NOT IN of values that are not NULL, which operand makes parameters of.
func (c *compiler) in(column string, in bool, values []any, operand func(any) string) string {
	switch {
	case len(values) == 0 && in:
		return never
	case len(values) == 0:
		return isSome(column)
	}
	among := " IN ("
	if !in {
		among = " NOT IN ("
	}
	if c.dialect == SQLite && len(values) > manyValues {
		return column + among + "SELECT value FROM json_each(" + c.arg(c.jsonList(values)) + "))"
	}
	placeholders := make([]string, len(values))
	for i, v := range values {
		placeholders[i] = operand(v)
	}
	return column + among + strings.Join(placeholders, ",") + ")"
}

// jsonList is a JSON list of values as SQLite's columns have them. Texts that are not UTF-8
// equal none and are left out.
func (c *compiler) jsonList(values []any) string {
	var list strings.Builder
	for _, v := range values {
		if at, ok := v.(time.Time); ok {
			v = at.UnixMicro()
		} else if flag, ok := v.(bool); ok {
			v = boolInt(flag)
		}
		if text := jsonText(v); text != "null" {
			list.WriteString("," + text)
		}
	}
	return "[" + strings.TrimPrefix(list.String(), ",") + "]"
}

// textList is one parameter in PostgreSQL: the statement does not depend on how many
// texts there are.
func (c *compiler) textList(column string, op qb.Op, values []any) bounds {
	texts := make([]string, 0, len(values))
	for _, v := range values {
		texts = append(texts, v.(string))
	}
	texts = slices.DeleteFunc(texts, func(s string) bool { return !fits(s) })
	switch {
	case op == qb.OpIn && len(texts) == 0:
		return exactly(never)
	case len(texts) == 0:
		return exactly(isSome(column))
	case op == qb.OpIn:
		return exactly(column + " = ANY(" + c.arg(texts) + "::text[])")
	}
	return exactly(column + " <> ALL(" + c.arg(texts) + "::text[])")
}
