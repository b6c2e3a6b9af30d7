package qb

import "strings"

// comparisons are the symbols that compare with one value.
var comparisons = map[string]Op{
	"=": OpEq, "==": OpEq, "!=": OpNe, "<>": OpNe, "<": OpLt, "<=": OpLte, ">": OpGt, ">=": OpGte,
}

// negation reads "not" or "does not".
func (p *whereParser) negation() bool {
	if p.takeWord("does") {
		if !p.tok.isWord("not") {
			p.failExpected("not")
		}
	}
	return p.takeWord("not")
}

// comparison reads what is said about the subject.
func (p *whereParser) comparison(s subject) Cond {
	if p.tok.kind == tokSymbol {
		if op, ok := comparisons[p.tok.text]; ok {
			return p.compared(s, op)
		}
	}
	at := p.tok
	negated := p.negation()
	switch {
	case p.takeWord("in"):
		return p.in(s, negated)
	case p.takeWord("between"):
		return negateIf(negated, p.between(s))
	case p.takeWord("exists", "exist"):
		return s.flag(OpExists, !negated)
	case p.takeWord("has"):
		return negateIf(negated, p.hasFlags(s))
	case p.tok.kind == tokName:
		if v, ok := verbs[strings.ToLower(p.tok.text)]; ok {
			return negateIf(negated, p.verb(s, v))
		}
	}
	if negated {
		p.failExpected("a comparison that can be negated")
		return nil
	}
	switch {
	case p.takeWord("is"):
		return p.is(s)
	case p.startsSpan():
		return p.within(s)
	case p.endsHere() && !s.data.length && (s.attr == "" || s.kind() == KindFlag):
		return s.truthy() // as the original takes a field alone
	}
	p.fail(at, "a comparison is expected behind "+s.name+p.foundHere(), at.hint())
	return nil
}

// foundHere says what is there instead of what was expected.
func (p *whereParser) foundHere() string {
	if p.tok.kind == tokEnd {
		return ", the text ends here"
	}
	return ", here is " + p.tok.shown()
}

// endsHere reports whether no comparison follows.
func (p *whereParser) endsHere() bool {
	return p.tok.kind == tokEnd || p.tok.isWord("and", "or") || p.tok.kind == tokSymbol && p.tok.text == ")"
}

func negateIf(negated bool, c Cond) Cond {
	if negated {
		return negate(c)
	}
	return c
}

// compared reads a comparison with one value.
func (p *whereParser) compared(s subject, op Op) Cond {
	symbol := p.advance()
	v, ok := p.operand(s)
	if !ok {
		return nil
	}
	if v.span == nil {
		return s.leaf(op, v.value)
	}
	c, ok := v.span.compare(s, op)
	if !ok {
		p.fail(symbol, v.tok.shown()+"… has no end that "+symbol.text+" could be about", "compare with < or >=")
	}
	return c
}

// between reads two bounds, both included.
func (p *whereParser) between(s subject) Cond {
	from, ok := p.operand(s)
	if !ok {
		return nil
	}
	if !p.takeWord("and") {
		p.failExpected("and")
		return nil
	}
	to, ok := p.operand(s)
	if !ok {
		return nil
	}
	if from.span != nil {
		from.value = from.span.from
	}
	if to.span != nil {
		if to.value = to.span.last(); to.span.open() {
			p.fail(to.tok, to.tok.shown()+"… has no end", "")
			return nil
		}
	}
	return And{s.leaf(OpGte, from.value), s.leaf(OpLte, to.value)}
}

// in reads a list of values, or a period.
func (p *whereParser) in(s subject, negated bool) Cond {
	if p.startsSpan() {
		return negateIf(negated, p.within(s))
	}
	list, ok := p.operands(s)
	if !ok {
		return nil
	}
	values := make([]any, 0, len(list))
	var spans Or
	for _, v := range list {
		if v.span == nil {
			values = append(values, v.value)
			continue
		}
		c, _ := v.span.compare(s, OpEq)
		spans = append(spans, c)
	}
	op := OpIn
	if negated && spans == nil {
		op = OpNotIn
	}
	if spans == nil {
		return s.leaf(op, values...)
	}
	if len(values) > 0 {
		spans = append(spans, s.leaf(op, values...))
	}
	return negateIf(negated, spans)
}

// within reads a period that the subject is in.
func (p *whereParser) within(s subject) Cond {
	v, ok := p.operand(s)
	if !ok {
		return nil
	}
	if v.span == nil {
		return s.leaf(OpEq, v.value)
	}
	c, _ := v.span.compare(s, OpEq)
	return c
}

// hasFlags reads bits, see [Flags].
func (p *whereParser) hasFlags(s subject) Cond {
	if !p.takeWord("flags", "flag") {
		p.failExpected("flags")
		return nil
	}
	if s.typed() {
		p.fail(p.tok, s.name+" has no flags", "")
		return nil
	}
	at := p.tok
	v, ok := p.literal(0)
	if !ok {
		return nil
	}
	switch n := v.value.(type) {
	case uint64:
		return s.leaf(OpContains, Flags(n))
	case int64:
		if n >= 0 {
			return s.leaf(OpContains, Flags(n))
		}
	}
	p.fail(at, "flags are a whole number of bits, here is "+at.shown(), "")
	return nil
}
