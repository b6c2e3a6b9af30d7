package sqlgen

import "strings"

// Conditions that hold of every row and of none.
const (
	always = "1=1"
	never  = "1=0"
)

// bounds are two SQL conditions around one of the query: may is true of every row where
// that is, must of no other row. They are NULL only where they could as well be false.
type bounds struct{ may, must string }

// exactly is a condition that SQL decides.
func exactly(sql string) bounds { return bounds{sql, sql} }

// perhaps is a condition that holds only where the SQL does.
func perhaps(sql string) bounds { return bounds{sql, never} }

func (b bounds) exact() bool { return b.may == b.must }

// allOf and anyOf combine bounds. Both may be called with none.
func allOf(parts ...bounds) bounds { return combine(parts, and) }

func anyOf(parts ...bounds) bounds { return combine(parts, or) }

func combine(parts []bounds, with func(...string) string) bounds {
	mays, musts := make([]string, len(parts)), make([]string, len(parts))
	for i, p := range parts {
		mays[i], musts[i] = p.may, p.must
	}
	return bounds{with(mays...), with(musts...)}
}

func and(parts ...string) string { return join(parts, " AND ", always, never) }

func or(parts ...string) string { return join(parts, " OR ", never, always) }

// join leaves out what changes nothing, and all else when one part decides.
func join(parts []string, operator, nothing, all string) string {
	var kept []string
	for _, p := range parts {
		switch p {
		case nothing:
		case all:
			return all
		default:
			kept = append(kept, p)
		}
	}
	switch len(kept) {
	case 0:
		return nothing
	case 1:
		return kept[0]
	}
	return "(" + strings.Join(kept, operator) + ")"
}

// not negates a condition that is never NULL where its negation should hold.
func not(sql string) string {
	switch sql {
	case always:
		return never
	case never:
		return always
	}
	if column, ok := strings.CutSuffix(sql, " IS NULL"); ok {
		return column + " IS NOT NULL"
	}
	return "NOT (" + sql + ")"
}

func constant(v bool) string {
	if v {
		return always
	}
	return never
}
