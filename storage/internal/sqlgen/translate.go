package sqlgen

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"unicode"
)

// translation is an expression of PostgreSQL that is written.
type translation struct{ b []byte }

// Parts of words, as package regexp has them, and where they begin and end.
const (
	wordChar     = `[0-9A-Z_a-z]`
	wordBoundary = `(?:(?<=` + wordChar + `)(?!` + wordChar + `)|(?<!` + wordChar + `)(?=` + wordChar + `))`
	noBoundary   = `(?:(?<=` + wordChar + `)(?=` + wordChar + `)|(?<!` + wordChar + `)(?!` + wordChar + `))`
)

// conditions are expressions that take no characters.
var conditions = map[syntax.Op]string{
	syntax.OpBeginText:      `^`,
	syntax.OpEndText:        `$`,
	syntax.OpBeginLine:      `(?:^|(?<=\u000a))`,
	syntax.OpEndLine:        `(?:$|(?=\u000a))`,
	syntax.OpWordBoundary:   wordBoundary,
	syntax.OpNoWordBoundary: noBoundary,
}

// put writes an expression, and returns its size with every repetition written out; false
// when PostgreSQL has none that means the same.
func (t *translation) put(re *syntax.Regexp) (size int, ok bool) {
	if condition, ok := conditions[re.Op]; ok {
		t.text(condition)
		return 1, true
	}
	switch re.Op {
	case syntax.OpEmptyMatch:
		t.text("(?:)")
		return 1, true
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			t.literal(r, re.Flags&syntax.FoldCase != 0)
		}
		return len(re.Rune), !slices.Contains(re.Rune, 0) // no text of PostgreSQL has one
	case syntax.OpCharClass:
		return t.class(re.Rune)
	case syntax.OpAnyCharNotNL:
		t.text(`[^\u000a]`)
		return 1, true
	case syntax.OpAnyChar:
		t.text(".")
		return 1, true
	case syntax.OpCapture:
		return t.group(re.Sub[0])
	case syntax.OpStar:
		return t.repeat(re.Sub[0], "*", 1)
	case syntax.OpPlus:
		return t.repeat(re.Sub[0], "+", 1)
	case syntax.OpQuest:
		return t.repeat(re.Sub[0], "?", 1)
	case syntax.OpRepeat:
		return t.counted(re)
	case syntax.OpConcat:
		return t.joined(re.Sub, "")
	case syntax.OpAlternate:
		return t.joined(re.Sub, "|")
	}
	return 0, false
}

func (t *translation) text(s string) { t.b = append(t.b, s...) }

// literal writes a character, or all that are the same but for case.
func (t *translation) literal(r rune, fold bool) {
	if !fold || unicode.SimpleFold(r) == r {
		t.char(r)
		return
	}
	t.text("[")
	t.char(r)
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		t.char(other)
	}
	t.text("]")
}

// char writes a character so that it has no other meaning, also within brackets.
func (t *translation) char(r rune) {
	switch {
	case r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
		t.b = append(t.b, byte(r))
	case r < 0x10000:
		t.b = fmt.Appendf(t.b, `\u%04x`, r)
	default:
		t.b = fmt.Appendf(t.b, `\U%08x`, r)
	}
}

// class writes ranges. No text of PostgreSQL has a NUL.
func (t *translation) class(ranges []rune) (int, bool) {
	t.text("[")
	n := 0
	for i := 0; i < len(ranges); i += 2 {
		from, to := max(ranges[i], 1), ranges[i+1]
		if to < from {
			continue
		}
		if n++; from == to {
			t.char(from)
			continue
		}
		t.char(from)
		t.text("-")
		t.char(to)
	}
	t.text("]")
	return n, n > 0
}

func (t *translation) group(re *syntax.Regexp) (int, bool) {
	t.text("(?:")
	size, ok := t.put(re)
	t.text(")")
	return size, ok
}

// repeat writes a repetition of what takes characters: PostgreSQL cannot repeat conditions.
func (t *translation) repeat(re *syntax.Regexp, times string, n int) (int, bool) {
	if hasCondition(re) {
		return 0, false
	}
	size, ok := t.group(re)
	t.text(times)
	return size*n + 1, ok
}

// maxRepeat is how often PostgreSQL repeats.
const maxRepeat = 255

func (t *translation) counted(re *syntax.Regexp) (int, bool) {
	n := max(re.Min, re.Max)
	if n > maxRepeat {
		return 0, false
	}
	times := "{" + strconv.Itoa(re.Min) + ","
	if re.Max >= 0 {
		times += strconv.Itoa(re.Max)
	}
	return t.repeat(re.Sub[0], times+"}", n+1)
}

func hasCondition(re *syntax.Regexp) bool {
	if _, ok := conditions[re.Op]; ok {
		return true
	}
	for _, sub := range re.Sub {
		if hasCondition(sub) {
			return true
		}
	}
	return false
}

// joined writes expressions behind one another, or between bars.
func (t *translation) joined(subs []*syntax.Regexp, between string) (size int, ok bool) {
	t.text("(?:")
	for i, sub := range subs {
		if i > 0 {
			t.text(between)
		}
		n, ok := t.put(sub)
		if !ok {
			return 0, false
		}
		size += n
	}
	t.text(")")
	return size, true
}
