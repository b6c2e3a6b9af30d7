package sqlgen

import (
	"strings"
	"unicode/utf8"

	"github.com/specstar-worker/worker/qb"
)

// textPart returns the bounds of where a part is in a text that may be NULL.
func (c *compiler) textPart(text string, op qb.Op, part string, want bool) bounds {
	if c.dialect == PostgreSQL && !utf8.ValidString(part) {
		c.note("a part of a text that is not UTF-8 is looked for by the program")
		return perhaps(always)
	}
	holds := c.part(text, op, part)
	switch {
	case holds == always && want, holds == never && !want:
		return exactly(isSome(text))
	case !want:
		holds = not(holds)
	}
	return exactly(holds)
}

// part is true of a text with a part, whatever it is of NULL. LIKE is not used: it folds
// case in SQLite and its wildcards would need escapes.
func (c *compiler) part(text string, op qb.Op, part string) string {
	switch {
	case part == "":
		return always
	case c.dialect == PostgreSQL && !fits(part):
		return never
	case op == qb.OpStartsWith:
		return c.begins(text, part)
	case c.dialect == SQLite:
		return c.bytesPart(text, op, []byte(part))
	}
	if op == qb.OpContains {
		return "strpos(" + text + ", " + c.arg(part) + ") > 0"
	}
	return "right(" + text + ", " + c.arg(int64(utf8.RuneCountInString(part))) + ") = " + c.arg(part)
}

// begins is true of a text with a beginning: these are all from that to what follows it
// in the order of bytes, so that an index serves it.
func (c *compiler) begins(text, part string) string {
	from := text + " >= " + c.arg(part)
	to, ok := c.behind(part)
	if !ok {
		return from
	}
	return and(from, text+" < "+c.arg(to))
}

// behind returns the least text above all that begin with part; false when there is none.
func (c *compiler) behind(part string) (string, bool) {
	if c.dialect == SQLite {
		b := []byte(part)
		for len(b) > 0 && b[len(b)-1] == 0xff { // strings.TrimRight takes other bytes that are no UTF-8 for it
			b = b[:len(b)-1]
		}
		if len(b) == 0 {
			return "", false
		}
		b[len(b)-1]++
		return string(b), true
	}
	runes := []rune(strings.TrimRight(part, string(utf8.MaxRune)))
	if len(runes) == 0 {
		return "", false
	}
	last := &runes[len(runes)-1]
	if *last++; *last == 0xD800 {
		*last = 0xE000 // there are no characters in between
	}
	return string(runes), true
}

// bytesPart compares bytes, as SQLite's text functions end at a NUL. substr of an empty
// BLOB is NULL, so that an empty text is treated on its own.
func (c *compiler) bytesPart(text string, op qb.Op, part []byte) string {
	blob := "CAST(" + text + " AS BLOB)"
	if op == qb.OpContains {
		return "instr(" + blob + ", " + c.arg(part) + ") > 0"
	}
	return "CASE WHEN " + text + " = '' THEN 0 ELSE substr(" + blob + ", " + c.arg(int64(-len(part))) + ") = " + c.arg(part) + " END"
}
