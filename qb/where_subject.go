package qb

import (
	"regexp"
	"slices"
	"strings"
)

// subject is what a condition is about: an attribute, a value of the indexed data, the
// length of one, or the text of an attribute that holds none.
type subject struct {
	attr Attr // "" for indexed data
	data DataField
	text bool
	name string // as it was written, for errors
}

// typed reports whether the subject is an attribute itself, whose values are of one
// type.
func (s subject) typed() bool { return s.attr != "" && !s.data.length && !s.text }

// leaf is the condition that compares the subject with operands of its type.
func (s subject) leaf(op Op, values ...any) Cond {
	switch {
	case s.typed():
		return Comparison{attr: s.attr, op: op, values: values}
	case op == OpIn || op == OpNotIn:
		return s.untyped(DataComparison{op: op, value: values})
	}
	return s.untyped(DataComparison{op: op, value: values[0]})
}

// flag is the condition OpIsNull, OpIsNA or OpExists.
func (s subject) flag(op Op, v bool) Cond {
	if s.typed() {
		return Comparison{attr: s.attr, op: op, flag: v}
	}
	return s.untyped(DataComparison{op: op, flag: v})
}

// matches is the condition that a pattern is found.
func (s subject) matches(re *regexp.Regexp) Cond {
	if s.typed() {
		return Comparison{attr: s.attr, op: OpRegex, pattern: re}
	}
	return s.untyped(DataComparison{op: OpRegex, pattern: re})
}

// untyped is the condition on indexed data, on a length or on a text.
func (s subject) untyped(c DataComparison) Cond {
	c.field = s.data
	switch {
	case s.text:
		return TextComparison{attr: s.attr, test: c}
	case s.attr != "":
		return LengthComparison{attr: s.attr, test: c}
	}
	return c
}

// kind is the type of an attribute; that of a length is a number, other indexed
// data has none.
func (s subject) kind() Kind {
	if s.data.length {
		return KindNumber
	}
	return s.attr.Kind()
}

// test reads a condition on one subject.
func (p *whereParser) test() Cond {
	if p.tok.isWord("data") {
		return p.allData()
	}
	s, ok := p.subject()
	if !ok {
		return nil
	}
	return p.sized(p.comparison(s))
}

// allData reads what begins with the word data alone.
func (p *whereParser) allData() Cond {
	data := p.advance()
	if p.tok.kind == tokSymbol && p.tok.text == "[" {
		s, ok := p.bracketed(data.pos)
		if !ok {
			return nil
		}
		return p.sized(p.comparison(s))
	}
	negated := p.negation()
	if !p.takeWord("exists", "exist") {
		p.fail(data, "data without a key has no value", `write data.price, data["any key"] or data exists`)
		return nil
	}
	if negated {
		return p.sized(Not{HasIndexed{}})
	}
	return p.sized(HasIndexed{})
}

// subject reads an attribute, a value of the indexed data or the length of one.
func (p *whereParser) subject() (subject, bool) {
	switch {
	case p.tok.kind == tokPath:
		t := p.advance()
		return subject{data: Data(t.value), name: t.text}, true
	case p.tok.isWord("data"):
		return p.bracketed(p.advance().pos)
	case p.tok.isWord("length", "len"):
		return p.length()
	case p.tok.kind == tokName && Attr(p.tok.text).Kind() != KindNone:
		t := p.advance()
		return subject{attr: Attr(t.text), name: t.text}, true
	case p.tok.kind == tokName && !p.tok.isWord(keywords...):
		p.fail(p.tok, quotedName(p.tok.text)+" is no attribute", suggest(p.tok.text))
	case p.tok.kind == tokText, p.tok.kind == tokNumber, p.tok.kind == tokTime:
		p.fail(p.tok, "a name is expected, here is "+p.tok.shown(), "a condition begins with an attribute or data.NAME, its value comes last")
	default:
		p.failExpected("a condition")
	}
	return subject{}, false
}

// bracketed reads the key behind the word data, which begins at pos.
func (p *whereParser) bracketed(pos int) (subject, bool) {
	p.need("[")
	if p.tok.kind != tokText {
		p.failExpected("a key in quotes")
		return subject{}, false
	}
	key := p.advance().value
	end := p.tok.pos + 1
	p.need("]")
	if p.err != nil {
		return subject{}, false
	}
	return subject{data: Data(key), name: p.text[pos:end]}, true
}

// length reads the length of a value.
func (p *whereParser) length() (subject, bool) {
	pos := p.advance().pos
	p.need("(")
	inner := p.tok
	s, ok := p.subject()
	if ok && s.data.length {
		p.fail(inner, "a length has no length", "")
		return s, false
	}
	end := p.tok.pos + 1
	p.need(")")
	if !ok || p.err != nil {
		return s, false
	}
	s.data.length, s.name = true, p.text[pos:end]
	return s, true
}

// keywords are the words that are no names where a name is expected.
var keywords = []string{"and", "or", "not", "is", "in", "between", "like", "exists", "does", "null"}

// attributes are the names of all attributes.
var attributes = []Attr{
	AttrResourceID, AttrCurrentRevisionID, AttrSchemaVersion, AttrTotalRevisionCount, AttrCreatedTime, AttrUpdatedTime,
	AttrCreatedBy, AttrUpdatedBy, AttrIsDeleted, AttrRevStatus, AttrRevCreatedBy, AttrRevUpdatedBy, AttrRevCreatedTime,
	AttrRevUpdatedTime,
}

// suggest says what to write instead of a name that is no attribute.
func suggest(name string) string {
	name = cutRight(name)
	if path, ok := strings.CutPrefix(name, "indexed_data."); ok {
		return "write data." + path
	}
	data := "indexed data is written data." + name
	if near := nearest(name); near != "" {
		return "did you mean " + near + "? " + data
	}
	return data
}

// nearest returns the attribute that a name was probably meant to be, or "".
func nearest(name string) string {
	name = strings.ToLower(name)
	best, least := "", len(name)/4+2
	for _, a := range attributes {
		far := distance(name, string(a))
		if len(name) > 3 && strings.Contains(string(a), name) {
			far = min(far, 1)
		}
		if far < least {
			best, least = string(a), far
		}
	}
	return best
}

// distance is how many bytes have to be inserted, removed or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// quotedName shows a name in an error.
func quotedName(s string) string { return `"` + cutRight(s) + `"` }

// Attributes returns the names of all attributes of metas, sorted.
func Attributes() []Attr { return slices.Sorted(slices.Values(attributes)) }
