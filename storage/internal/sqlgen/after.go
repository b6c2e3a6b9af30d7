package sqlgen

import (
	"fmt"

	"github.com/specstar-worker/worker/qb"
)

// keyBounds are where a key of an order comes behind a value, where it is equal to it, and
// where it is either, in a form that an index serves.
type keyBounds struct{ beyond, same, from bounds }

// after returns the bounds of what comes behind a position, in parts where an index has it so.
func (c *compiler) after(p qb.Position) []bounds {
	if segments := c.segments(p); segments != nil {
		return segments
	}
	return []bounds{c.byKeys(p)}
}

// byKeys returns the bounds in one part: behind by the first key, or equal to that and behind by
// the next, and so on to the id.
func (c *compiler) byKeys(p qb.Position) bounds {
	var parts, equal []bounds
	first, desc := exactly(always), false
	for i, s := range p.Sorts() {
		desc = s.Descending()
		k := c.keyAfter(s, p.Keys()[i])
		if i == 0 {
			first = k.from
		}
		parts = append(parts, allOf(append(equal[:i:i], k.beyond)...))
		equal = append(equal, k.same)
	}
	id := c.attributeAfter(qb.AttrResourceID, string(p.ID()), desc)
	return allOf(first, anyOf(append(parts, allOf(append(equal, id.beyond)...))...))
}

func (c *compiler) keyAfter(s qb.Sort, v any) keyBounds {
	a, ok := s.Attr()
	switch {
	case ok && !noColumn(c.dialect, a):
		return c.attributeAfter(a, v, s.Descending())
	case ok || c.nameless(s.Path()):
		return keyBounds{perhaps(always), perhaps(always), perhaps(always)}
	case c.dialect == SQLite:
		return c.liteAfter(s, v)
	}
	return c.pgAfter(s, v)
}

// operators are those of what comes behind, with and without what is equal.
func operators(desc bool) (beyond, from qb.Op) {
	if desc {
		return qb.OpLt, qb.OpLte
	}
	return qb.OpGt, qb.OpGte
}

// attributeAfter knows that NULL comes first upwards and last downwards.
func (c *compiler) attributeAfter(a qb.Attr, v any, desc bool) keyBounds {
	column := c.column(a)
	null := exactly(isNull(string(a), true))
	switch {
	case v == nil && desc:
		return keyBounds{exactly(never), null, null}
	case v == nil:
		return keyBounds{exactly(isSome(column)), null, exactly(always)}
	}
	beyond, from := operators(desc)
	k := keyBounds{c.compared(column, beyond, v), c.compared(column, qb.OpEq, v), c.compared(column, from, v)}
	if desc && !neverNull[a] {
		k.beyond, k.from = anyOf(k.beyond, null), anyOf(k.from, null)
	}
	return k
}

// liteAfter compares keys, see [KeySQL]. All maps are equal in an order, lists are not.
func (c *compiler) liteAfter(s qb.Sort, v any) keyBounds {
	value := c.value(s.Path()).(liteValue)
	key, desc := value.key(), s.Descending()
	null := exactly(isNull(key, true))
	if v == nil {
		if desc {
			return keyBounds{exactly(never), null, null}
		}
		return keyBounds{exactly(isNull(key, false)), null, exactly(always)}
	}
	operand, to, exact := "", "", true
	switch v := v.(type) {
	case []any:
		operand, exact = "x'00'", false
	case map[string]any:
		operand = "x'01'"
	case string:
		operand = c.arg(v)
	default:
		n, ok := numberOf(SQLite, v)
		if exact = n.exact; !ok {
			return keyBounds{perhaps(always), perhaps(always), perhaps(always)}
		}
		if operand = c.numberArg(n.value); !exact {
			operand, to = c.numberArg(n.from), c.numberArg(n.to)
		}
	}
	return c.liteBounds(key, operand, to, exact, desc, null)
}

// liteBounds compares with an operand, or with a range of them that are not told apart.
func (c *compiler) liteBounds(key, low, high string, exact, desc bool, null bounds) keyBounds {
	if high == "" {
		high = low
	}
	beyond, from, limit := ">", ">=", low
	if desc {
		beyond, from, limit = "<", "<=", high
	}
	k := keyBounds{exactly(key + " " + beyond + " " + limit), exactly(key + " = " + low), exactly(key + " " + from + " " + limit)}
	if !exact {
		k = keyBounds{perhaps(k.from.may), perhaps(and(key+" >= "+low, key+" <= "+high)), perhaps(k.from.may)}
	}
	if desc {
		k.beyond, k.from = anyOf(k.beyond, null), anyOf(k.from, null)
	}
	return k
}

// pgAfter compares the rank, then the number or text.
func (c *compiler) pgAfter(s qb.Sort, v any) keyBounds {
	value := c.value(s.Path()).(pgValue)
	beyond, from := operators(s.Descending())
	rank, within, same := 0, exactly(never), bounds{}
	ranked := func() string { return fmt.Sprintf("%s = %d", RankSQL(value.at), rank) }
	switch v := v.(type) {
	case nil:
		same = exactly(ranked())
	case string:
		rank = 2
		within, same = exactly(never), exactly(value.equals(&operands{texts: []string{v}}))
		if text, op, ok := c.rangeText(v, beyond); ok {
			within = exactly(value.text(op, text))
		}
		if !fits(v) {
			within, same = perhaps(ranked()), perhaps(ranked())
		}
	case []any:
		rank = 3
		within, same = perhaps(ranked()), perhaps(ranked())
	case map[string]any:
		rank = 4
		same = exactly(ranked())
	default:
		rank = 1
		n, ok := numberOf(PostgreSQL, v)
		if !ok {
			within, same = perhaps(ranked()), perhaps(ranked())
			break
		}
		within = c.comparedNumber(n, beyond, value.number)
		if same = exactly(value.number("=", c.numberArg(n.value))); !n.exact {
			same = perhaps(and(value.number(">=", c.numberArg(n.from)), value.number("<=", c.numberArg(n.to))))
		}
	}
	ranks := func(op qb.Op) bounds { return exactly(fmt.Sprintf("%s %s %d", RankSQL(value.at), symbols[op], rank)) }
	return keyBounds{anyOf(ranks(beyond), within), same, ranks(from)}
}
