package qb

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// blank is found in texts without anything but white space: what Python's \s
// matches, which is more than that of package regexp. Both read it alike.
var blank = regexp.MustCompile("^[\\t-\\r\\x1c-\\x20\\x85\\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$")

// folded is the expression for a text between two anchors, in upper or lower case.
func folded(before, text, after string) string {
	return "(?i)" + before + regexp.QuoteMeta(strings.ToValidUTF8(text, "\uFFFD")) + after
}

// likePart returns the operator that a pattern of Like comes down to, with the
// text to look for. OpRegex stands for a pattern that has other wildcards.
func likePart(pattern string) (Op, string) {
	inner := strings.Trim(pattern, "%")
	open, shut := strings.HasPrefix(pattern, "%"), strings.HasSuffix(pattern, "%")
	switch {
	case strings.ContainsAny(inner, "%_"):
		return OpRegex, ""
	case open && shut:
		return OpContains, inner
	case open:
		return OpEndsWith, inner
	case shut:
		return OpStartsWith, inner
	}
	return OpEq, inner
}

// likeExpr is the expression for a pattern of Like.
func likeExpr(pattern string) string {
	var b strings.Builder
	b.WriteString("(?s)^")
	for _, r := range pattern {
		switch r {
		case '%':
			b.WriteString(".*")
		case '_':
			b.WriteByte('.')
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteByte('$')
	return b.String()
}

// parsePattern reads a pattern of a query or an expression.
func parsePattern(text string) (*regexp.Regexp, error) {
	if len(text) > MaxPattern {
		return nil, fmt.Errorf("a pattern of %d bytes is longer than %d", len(text), MaxPattern)
	}
	re, err := regexp.Compile(text)
	if bad, ok := errors.AsType[*syntax.Error](err); ok {
		return nil, fmt.Errorf("the pattern is not one of RE2: %s: %s", bad.Code, quoted(bad.Expr))
	}
	return re, err
}
