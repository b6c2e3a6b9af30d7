package sqlgen

import (
	"regexp"
	"regexp/syntax"
)

// regex returns the bounds of where a pattern is found in a text that may be NULL, or is
// not found. PostgreSQL looks for one that can be written so that it means the same there.
func (c *compiler) regex(text string, pattern *regexp.Regexp, what string, want bool) bounds {
	if c.dialect == PostgreSQL {
		if are, ok := translate(pattern.String()); ok {
			c.pattern = true
			if want {
				return exactly(text + " ~ " + c.arg(are))
			}
			return exactly(text + " !~ " + c.arg(are))
		}
	}
	c.note("the pattern %s on %s is looked for by the program", pattern, what)
	return perhaps(isSome(text))
}

// maxPattern bounds what PostgreSQL is given, in characters, with every repetition written
// out: it takes long for large patterns, and refuses larger ones.
const maxPattern = 1000

// translate returns an expression of PostgreSQL that is found in the same texts as one of
// package regexp; false when there is none, or it may be too large.
//
// Expressions of PostgreSQL are not told to fold case or to mind lines, and classes are
// written as ranges of code points, so that neither the database's locale nor a setting
// matters. Greed is left out: it changes what is found, not whether.
func translate(expr string) (string, bool) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return "", false
	}
	t := translation{}
	size, ok := t.put(re)
	if !ok || size > maxPattern {
		return "", false
	}
	return string(t.b), true
}
