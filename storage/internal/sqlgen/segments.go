package sqlgen

import (
	"strings"

	"github.com/specstar-worker/worker/qb"
)

// segments cuts what comes behind a position into parts that each lie in one piece in an index on
// the keys, in the order of the query: those that have a value by the first key and those that
// have none. All keys of a part are compared at once, so that it begins right behind the position,
// also among many rows that are equal by the first key. It is nil where keys have no column,
// differ in direction, or may be NULL behind the first one.
func (c *compiler) segments(p qb.Position) []bounds {
	first, desc := qb.AttrResourceID, false
	var row comparedRow
	for i, s := range p.Sorts() {
		a, _ := s.Attr()
		if i == 0 {
			first = a
		}
		if i > 0 && (s.Descending() != desc || !neverNull[a]) || !c.addTo(&row, a, p.Keys()[i]) {
			return nil
		}
		desc = s.Descending()
	}
	if !c.addTo(&row, qb.AttrResourceID, string(p.ID())) {
		return nil
	}
	null := exactly(isNull(string(first), true))
	switch none := len(p.Keys()) > 0 && p.Keys()[0] == nil; {
	case none && desc:
		return []bounds{allOf(null, row.behind(desc))}
	case none:
		return []bounds{allOf(null, row.behind(desc)), exactly(isNull(string(first), false))}
	case desc && !neverNull[first]:
		return []bounds{row.behind(desc), null}
	}
	return []bounds{row.behind(desc)} // upwards NULL came first
}

// comparedRow is columns that are compared with values at once.
type comparedRow struct{ columns, operands []string }

// addTo adds a column to a row, unless its value is nil; false when it cannot be compared.
func (c *compiler) addTo(row *comparedRow, a qb.Attr, v any) bool {
	text, isText := v.(string)
	if a == "" || noColumn(c.dialect, a) || isText && c.dialect == PostgreSQL && !fits(text) {
		return false
	}
	if v != nil {
		row.columns, row.operands = append(row.columns, c.column(a)), append(row.operands, c.operand(v))
	}
	return true
}

// behind is what comes behind the row.
func (r comparedRow) behind(desc bool) bounds {
	beyond, _ := operators(desc)
	return exactly("(" + strings.Join(r.columns, ", ") + ") " + symbols[beyond] + " (" + strings.Join(r.operands, ", ") + ")")
}
