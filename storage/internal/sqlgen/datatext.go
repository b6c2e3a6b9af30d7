package sqlgen

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/specstar-worker/worker/qb"
)

// holds returns the bounds of where the text of a value has a part, or a list an element.
func (c *compiler) holds(v value, op qb.Op, operand any) bounds {
	if flags, ok := operand.(qb.Flags); ok {
		return c.holdsFlags(v, flags)
	}
	part := qb.Text(operand)
	parts := []bounds{c.textHolds(v, op, part), c.boolHolds(v, op, part)}
	if strings.Trim(part, "0123456789+-.e") == "" {
		parts = append(parts, exactly(and(v.isPlain(), c.part(v.plainSQL(), op, part))), perhaps(v.isOther()))
	}
	if op == qb.OpContains {
		parts = append(parts, c.listHolds(v, operand), c.mapHolds(v))
	} else {
		parts = append(parts, c.edges(v.isList(), "[]", op, part), c.edges(v.isMap(), "{}", op, part))
	}
	return anyOf(parts...)
}

func (c *compiler) textHolds(v value, op qb.Op, part string) bounds {
	switch {
	case c.dialect == PostgreSQL && !utf8.ValidString(part):
		c.note("a part of a text that is not UTF-8 is looked for by the program")
		return perhaps(v.isText())
	case op == qb.OpStartsWith && (c.dialect == SQLite || fits(part)):
		return exactly(v.begins(part))
	}
	return exactly(and(v.isText(), c.part(v.textSQL(), op, part)))
}

func (c *compiler) boolHolds(v value, op qb.Op, part string) bounds {
	var either []string
	for _, b := range []bool{false, true} {
		if hasPart(op, qb.Text(b), part) {
			either = append(either, v.isBool(b))
		}
	}
	return exactly(or(either...))
}

func hasPart(op qb.Op, text, part string) bool {
	switch op {
	case qb.OpStartsWith:
		return strings.HasPrefix(text, part)
	case qb.OpEndsWith:
		return strings.HasSuffix(text, part)
	}
	return strings.Contains(text, part)
}

// edges is about texts of lists and maps, of which only the first and the last character
// are known here.
func (c *compiler) edges(is, brackets string, op qb.Op, part string) bounds {
	switch {
	case part == "":
		return exactly(is)
	case op == qb.OpStartsWith && part[0] != brackets[0], op == qb.OpEndsWith && part[len(part)-1] != brackets[1]:
		return exactly(never)
	}
	c.note("the text of lists and maps is searched by the program")
	return perhaps(is)
}

// listHolds returns the bounds of where a list has an element.
func (c *compiler) listHolds(v value, element any) bounds {
	var o operands
	o.add(c.dialect, element)
	if o.sure() {
		return exactly(v.holds(&o))
	}
	c.note("lists that may have an element are searched by the program")
	return bounds{may: v.isList(), must: v.holds(&o)}
}

func (c *compiler) mapHolds(v value) bounds {
	c.note("the text of maps is searched by the program")
	return perhaps(v.isMap())
}

// holdsFlags returns the bounds of where an integer has bits, a list their number, and
// other text its digits.
func (c *compiler) holdsFlags(v value, flags qb.Flags) bounds {
	numbers := perhaps(v.isNumber())
	if flags <= math.MaxInt64 {
		numbers = anyOf(exactly(v.bits(int64(flags))), perhaps(and(v.isNumber(), not(v.isWhole()))))
	}
	c.note("bits of floats and of integers of 16 digits and more are looked for by the program")
	return anyOf(numbers, c.textHolds(v, qb.OpContains, qb.Text(uint64(flags))), c.listHolds(v, uint64(flags)), c.mapHolds(v))
}

// matches returns the bounds of where a pattern is found in the text of a value.
func (c *compiler) matches(v value, q qb.DataComparison) bounds {
	parts := []bounds{c.regexOf(v.isText(), v.textSQL(), q), c.regexOf(v.isPlain(), v.plainSQL(), q)}
	for _, b := range []bool{false, true} {
		if q.Pattern().MatchString(qb.Text(b)) {
			parts = append(parts, exactly(v.isBool(b)))
		}
	}
	c.note("patterns are looked for in the text of lists, maps and some floats by the program")
	return anyOf(append(parts, perhaps(v.isOther()), perhaps(v.isList()), perhaps(v.isMap()))...)
}

func (c *compiler) regexOf(is, text string, q qb.DataComparison) bounds {
	b := c.regex(text, q.Pattern(), q.Path(), true)
	return bounds{may: and(is, b.may), must: and(is, b.must)}
}
