package qb

// verb is a comparison of texts.
type verb struct {
	op   Op   // OpRegex for patterns
	like bool // the pattern is that of SQL
	fold bool // upper and lower case are the same
	with bool // the word with follows
}

// verbs are the comparisons of texts by their first word.
var verbs = map[string]verb{
	"contains": {op: OpContains}, "contain": {op: OpContains},
	"icontains": {op: OpContains, fold: true}, "icontain": {op: OpContains, fold: true},
	"starts": {op: OpStartsWith, with: true}, "start": {op: OpStartsWith, with: true},
	"istarts": {op: OpStartsWith, fold: true, with: true}, "istart": {op: OpStartsWith, fold: true, with: true},
	"ends": {op: OpEndsWith, with: true}, "end": {op: OpEndsWith, with: true},
	"iends": {op: OpEndsWith, fold: true, with: true}, "iend": {op: OpEndsWith, fold: true, with: true},
	"like": {op: OpRegex, like: true}, "ilike": {op: OpRegex, like: true, fold: true},
	"matches": {op: OpRegex}, "match": {op: OpRegex},
	"imatches": {op: OpRegex, fold: true}, "imatch": {op: OpRegex, fold: true},
}

// verb reads a comparison of texts.
func (p *whereParser) verb(s subject, v verb) Cond {
	word := p.advance()
	if v.with && !p.takeWord("with") {
		p.failExpected("with")
		return nil
	}
	s.text = s.typed() && s.kind() != KindText
	at := p.tok
	operand, ok := p.literal(0)
	if !ok {
		return nil
	}
	text, isText := operand.value.(string)
	switch {
	case operand.span != nil:
		p.fail(at, "a value is expected, here is a period", "")
		return nil
	case !isText && (s.attr != "" && !s.data.length || v.fold || v.op == OpRegex):
		p.fail(at, word.text+" takes a text, "+operand.described(), "")
		return nil
	case !v.fold && v.op != OpRegex:
		return s.leaf(v.op, operand.value)
	}
	c, err := v.matched(s, text)
	if err != nil {
		p.fail(at, err.Error(), "")
		return nil
	}
	return c
}

// matched is the condition for patterns and texts of any case.
func (v verb) matched(s subject, text string) (Cond, error) {
	pattern := text
	switch {
	case v.like:
		if c := s.likePart(text); c != nil && !v.fold {
			return c, nil
		}
		if pattern = likeExpr(text); v.fold {
			pattern = "(?i)" + pattern
		}
	case v.op == OpContains:
		pattern = folded("", text, "")
	case v.op == OpStartsWith:
		pattern = folded("^", text, "")
	case v.op == OpEndsWith:
		pattern = folded("", text, "$")
	case v.fold:
		pattern = "(?i)" + pattern
	}
	re, err := parsePattern(pattern)
	if err != nil {
		return nil, err
	}
	return s.matches(re), nil
}

// likePart is the simpler condition that a pattern of SQL comes down to, or nil.
func (s subject) likePart(pattern string) Cond {
	op, part := likePart(pattern)
	if op == OpRegex || op == OpEq && !s.typed() { // the texts of numbers are meant
		return nil
	}
	return s.leaf(op, part)
}
